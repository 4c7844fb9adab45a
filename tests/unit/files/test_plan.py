"""What a scan of a folder means for the store: nothing is lost by a mistake."""

from certwright.api.certificate import Certificate
from certwright.api.kinds import kind_of
from certwright.api.manifest import Located, ManifestError, Parsed
from certwright.api.meta import Key
from certwright.files.folder import Scan
from certwright.files.plan import Name, make_plan


def a_name(name: str) -> Name:
    return ("Certificate", Key("default", name))


def a_file(*names: str, broken: tuple[str, ...] = (), complete: bool = True) -> Parsed:
    kind = kind_of(Certificate)
    return Parsed(
        resources=tuple(Located({"name": one}, Key("default", one), kind, 1) for one in names),
        errors=tuple(ManifestError(file="x", line=1, rule="is wrong") for _ in broken),
        named=frozenset(a_name(one) for one in (*names, *broken)),
        is_complete=complete,
    )


def known(*names: str) -> frozenset[Name]:
    return frozenset(a_name(name) for name in names)


def test_what_is_in_the_folder_is_applied() -> None:
    plan = make_plan(Scan({"a.yaml": a_file("one", "two")}), known(), before={})

    assert [located.key.name for _, located in plan.apply] == ["one", "two"]
    assert plan.delete == ()


def test_what_left_the_folder_is_deleted() -> None:
    plan = make_plan(Scan({"a.yaml": a_file("one")}), known("one", "two"), before={})

    assert plan.delete == (a_name("two"),)


def test_a_folder_that_vanished_deletes_nothing() -> None:
    plan = make_plan(Scan({}, failure="cannot read /x"), known("one"), before={})

    assert plan.delete == ()
    assert plan.held == (a_name("one"),)
    assert plan.held_because == "cannot read /x"


def test_more_than_half_at_once_waits_for_a_person() -> None:
    scan = Scan({"a.yaml": a_file("one")})

    held = make_plan(scan, known("one", "two", "three"), before={})
    confirmed = make_plan(scan, known("one", "two", "three"), before={}, confirmed=True)

    assert held.delete == ()
    assert held.held == (a_name("three"), a_name("two"))
    assert held.held_because == "2 of 3 objects vanished from the folder at once"
    assert confirmed.delete == (a_name("three"), a_name("two"))


def test_exactly_half_is_deleted() -> None:
    plan = make_plan(Scan({"a.yaml": a_file("one")}), known("one", "two"), before={})

    assert plan.delete == (a_name("two"),)


def test_a_broken_document_keeps_its_last_good_version() -> None:
    plan = make_plan(
        Scan({"a.yaml": a_file("one", broken=("two",))}), known("one", "two"), before={}
    )

    assert plan.delete == ()
    assert len(plan.errors) == 1


def test_a_file_that_became_unreadable_keeps_what_it_had() -> None:
    before = {"b.yaml": a_file("two")}
    scan = Scan({"a.yaml": a_file("one")}, unreadable=frozenset({"b.yaml"}))

    plan = make_plan(scan, known("one", "two"), before=before)

    assert plan.delete == ()
    assert plan.held == ()


def test_an_unclear_file_of_unknown_past_holds_all_deletions() -> None:
    scan = Scan({"a.yaml": a_file("one"), "b.yaml": a_file(complete=False)})

    plan = make_plan(scan, known("one", "two"), before={})

    assert plan.held == (a_name("two"),)
    assert plan.held_because == "b.yaml cannot be read well, and may have them"


def test_an_object_in_two_files_counts_once_and_is_told() -> None:
    scan = Scan({"a.yaml": a_file("one"), "b.yaml": a_file("one")})

    plan = make_plan(scan, known(), before={})

    assert [file for file, _ in plan.apply] == ["a.yaml"]
    assert [str(error) for error in plan.errors] == [
        "b.yaml:1: Certificate default/one: is in a.yaml:1 already, which is the one that counts"
    ]
