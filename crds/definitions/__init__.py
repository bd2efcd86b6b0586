"""The kinds as CustomResourceDefinitions: what the types of `crds` say, and the tables here, as the
API server wants it. Nothing that decodes reads this package.
"""
