from sources.folder import Content, Folder, Unreadable
from tests.sources.objects import service, told


def take(folder: Folder, **files: Content | str) -> list[str]:
    """One edit of several files; `a` stands for `a.yaml`."""
    contents = {
        f"{name}.yaml": content.encode() if isinstance(content, str) else content
        for name, content in files.items()
    }
    states = {file: folder.read(file, content) for file, content in contents.items()}
    gone = [file for file, content in contents.items() if content is None]
    return told(folder.take(states, gone))


def documents(*texts: str) -> str:
    return "---\n".join(texts)


def test_only_what_changed_is_said() -> None:
    folder = Folder()
    assert take(folder, a=documents(service("x"), service("v"))) == ["+v", "+x"]
    assert take(folder, a=documents(service("x"), service("v"))) == []
    assert take(folder, a=documents(service("x"), service("v", 81))) == ["+v"]


def test_an_unchanged_document_is_not_read_again() -> None:
    folder = Folder()
    first = folder.read("a.yaml", service("x").encode())
    folder.take({"a.yaml": first}, ())
    second = folder.read("a.yaml", documents("# new\n", service("x")).encode())
    (one,), (two,) = first.objects.values(), second.objects.values()
    assert one[0] is not two[0]
    third = folder.read("a.yaml", documents(service("x"), service("v")).encode())
    assert next(iter(third.objects.values()))[0] is one[0]


def test_an_object_that_only_moved_says_where_to() -> None:
    folder = Folder()
    take(folder, a=service("x"))
    assert take(folder, a=documents(service("w"), service("x"))) == ["+w", ">x"]
    assert take(folder, a=service("w"), b=service("x")) == [">x"]


def test_a_removed_document_and_a_removed_file_delete() -> None:
    folder = Folder()
    take(folder, a=documents(service("x"), service("v")), b=service("z"))
    assert take(folder, a=service("x")) == ["-v"]
    assert take(folder, a=None) == ["-x"]
    assert folder.files == {"b.yaml"}


def test_a_broken_document_keeps_its_object_and_harms_no_other() -> None:
    folder = Folder()
    take(folder, a=documents(service("x"), service("v")))
    broken = documents("kind: [\n", service("v", 81), service("z"))
    assert take(folder, a=broken) == ["+v", "+z", "!a.yaml bad-yaml"]
    mended = documents(service("x", 90), service("v", 81), service("z"))
    assert take(folder, a=mended) == [">v", "+x", ">z", "!a.yaml"]


def test_a_document_that_stays_broken_does_not_stop_deletions() -> None:
    folder = Folder()
    values = "replicas: 3\n"
    assert take(folder, a=documents(values, service("x"))) == ["+x", "!a.yaml no-type"]
    assert take(folder, a=documents(values)) == ["-x"]


def test_what_a_broken_document_gave_goes_when_it_is_mended_without_it() -> None:
    folder = Folder()
    take(folder, a=documents(service("x"), service("v")))
    assert take(folder, a=documents("kind: [\n", service("v"))) == [">v", "!a.yaml bad-yaml"]
    assert take(folder, a=documents("kind: [\n", service("v", 81))) == ["+v"]
    assert take(folder, a=service("v", 81)) == [">v", "-x", "!a.yaml"]


def test_an_unreadable_file_keeps_all_and_says_so_once() -> None:
    folder = Folder()
    take(folder, a=service("x"))
    assert take(folder, a=Unreadable("cannot be read")) == ["!a.yaml unreadable"]
    assert take(folder, a=Unreadable("cannot be read")) == []
    assert take(folder, a=b"\xff\xfe") == ["!a.yaml bad-encoding"]
    assert take(folder, a=service("x")) == ["!a.yaml"]


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert take(Folder(), a=b"\xef\xbb\xbf" + service("x").encode()) == ["+x"]


def test_of_two_files_the_first_by_path_counts_whatever_comes_first() -> None:
    folder = Folder()
    assert take(folder, b=service("x", 81)) == ["+x"]
    assert take(folder, a=service("x", 80)) == ["+x", "!b.yaml duplicate-object"]
    assert take(folder, b=service("x", 82)) == []
    assert take(folder, a=None) == ["+x", "!b.yaml"]


def test_the_copy_is_named_with_both_places() -> None:
    folder = Folder()
    states = {f: folder.read(f, service("x").encode()) for f in ("a.yaml", "b.yaml")}
    (problem,) = folder.take(states, ())[-1].problems  # type: ignore[union-attr]  # Problems
    assert str(problem) == (
        "warning[duplicate-object] b.yaml:1 (document 1): Service default/x: "
        "is also in a.yaml:1 (document 1), which counts: remove one of the two"
    )


def test_of_two_documents_in_a_file_the_first_counts() -> None:
    folder = Folder()
    assert take(folder, a=documents(service("x", 80), service("x", 81))) == [
        "+x",
        "!a.yaml duplicate-object",
    ]


def test_a_problem_names_file_document_and_line() -> None:
    folder = Folder()
    text = documents(service("x"), "a: 1\na: 2\n")
    state = folder.read("a.yaml", text.encode())
    assert [str(problem) for problem in state.problems] == [
        "error[duplicate-key] a.yaml:10 (document 2): the key `a` is given twice: keep one"
    ]
