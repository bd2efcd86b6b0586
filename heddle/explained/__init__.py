"""What the explanations of explain/ say as plain values: to commands from a folder, and from a
control plane that runs to whoever may ask it.
"""
