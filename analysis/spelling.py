"""What a misspelt name was meant to be."""

from collections.abc import Iterable

from mesh import spelling
from mesh.spelling import Names, names_of


def closest(name: str, known: Iterable[str] | Names, *, cutoff: float = 0.7) -> str | None:
    """The name that is most like this one; None if none is. `cutoff` is the least likeness, 0 to 1.
    Of two equally alike it is the later by letters, whatever the order of `known`.
    """
    names = known if isinstance(known, Names) else names_of(known)
    return spelling.closest(names, name, cutoff=cutoff)


def did_you_mean(name: str, known: Iterable[str] | Names, *, otherwise: str = "") -> str:
    """A remedy: the name that was meant, or what to do if there is none like it."""
    found = closest(name, known)
    return f"Did you mean {found}?" if found else otherwise


def is_slip(name: str, meant: str) -> bool:
    """Whether a name differs from another by nothing but one letter or sign too many or too few, or
    two in the wrong order: `front-end` for `frontend`. Digits make different names.
    """
    if len(name) == len(meant):
        wrong = [i for i, (a, b) in enumerate(zip(name, meant, strict=True)) if a != b]
        return len(wrong) == 2 and _swapped(name, meant, *wrong)
    longer, shorter = (name, meant) if len(name) > len(meant) else (meant, name)
    return len(longer) == len(shorter) + 1 and any(
        longer[:i] + longer[i + 1 :] == shorter and not letter.isdigit()
        for i, letter in enumerate(longer)
    )


def _swapped(name: str, meant: str, one: int, other: int) -> bool:
    return other == one + 1 and (name[one], name[other]) == (meant[other], meant[one])
