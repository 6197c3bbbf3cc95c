import gzip
import random
import unicodedata

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from makemore_tui.core.constants import BUILT_IN_DATASETS
from makemore_tui.core.datasets.contexts import Split
from makemore_tui.core.datasets.dataset import Dataset, built_in_path, item_hashes
from makemore_tui.core.errors import UserError
from makemore_tui.core.reading import Reading

BLOCK = 1 << 20  # files are read so many bytes at a time
SPLITS = ("train", "dev", "test", "all")


def items_of(dataset):
    """The items in the order of the file."""
    text = dataset.split(f"first-{dataset.num_items}").tokens.tolist()
    items, item = [], []
    for token in text[1:]:
        if token == 0:
            items.append(dataset.vocabulary.decode(item))
            item = []
        else:
            item.append(token)
    return items


def items_of_split(dataset, name):
    split = dataset.split(name)
    return [dataset.item(i) for i in range(split.first_item, split.last_item)]


@pytest.fixture(scope="session")
def scratch(tmp_path_factory):
    """A file that may be written again and again."""
    return tmp_path_factory.mktemp("scratch") / "items.txt"


def test_characters_that_would_compose_if_they_met_stay_apart(write):
    dataset = Dataset(write("y\n\u0300x\n" * 5))
    assert dataset.vocabulary.characters == "xy\u0300"
    assert items_of(dataset) == ["y", "\u0300x"] * 5


# The built-in datasets


def test_the_built_in_names_are_the_lectures(names):
    assert names.num_items == 32_178
    assert names.distinct == 29_619
    assert names.vocabulary.size == 27
    assert names.vocabulary.characters == "abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize("name", BUILT_IN_DATASETS)
def test_a_built_in_dataset_holds_the_lines_of_its_file(name, plain):
    dataset = Dataset.load(name)
    items = plain.items(built_in_path(name).read_bytes())
    assert items_of(dataset) == items
    assert dataset.name == name
    assert dataset.distinct == len(set(items))
    assert dataset.shortest == min(map(len, items))
    assert dataset.longest == max(map(len, items))


@pytest.mark.parametrize("name", SPLITS)
def test_splits_are_those_of_a_plain_shuffle(names, name_splits, name):
    assert items_of_split(names, name) == name_splits[name]
    assert names.split(name).num_items == len(name_splits[name])


@pytest.mark.parametrize("name", SPLITS)
def test_an_example_is_a_character_or_the_end_of_an_item(names, name_splits, name):
    assert names.split(name).num_examples == sum(len(item) + 1 for item in name_splits[name])


@pytest.mark.parametrize("name", SPLITS)
def test_a_splits_tokens_run_from_boundary_to_boundary(names, name_splits, name):
    text = "\n" + "\n".join(name_splits[name]) + "\n"
    ids = {character: i for i, character in enumerate("\n" + names.vocabulary.characters)}
    assert names.split(name).tokens.tolist() == [ids[character] for character in text]


def test_an_unknown_split_is_refused(names):
    with pytest.raises(UserError, match="'valid'; the splits are train, dev, test and all"):
        names.split("valid")


# Contexts


@pytest.mark.parametrize("context", [3, 8])
def test_contexts_of_the_real_names_are_those_of_a_plain_loop(names, name_splits, plain, context):
    tokens = names.split("test").tokens
    positions = torch.arange(1, len(tokens))
    contexts, targets = plain.tensors(name_splits["test"], context, names.vocabulary.characters)
    assert torch.equal(Split("", tokens, 0, 0).contexts_at(positions, context), contexts)
    assert torch.equal(tokens[positions].long(), targets)


def test_contexts_longer_than_any_item_begin_with_boundaries(names, name_splits, plain):
    tokens = names.split("dev").tokens
    contexts, _ = plain.tensors(name_splits["dev"], 20, names.vocabulary.characters)
    assert torch.equal(
        Split("", tokens, 0, 0).contexts_at(torch.arange(1, len(tokens)), 20), contexts
    )


def test_contexts_are_gathered_in_the_order_of_the_positions(names):
    tokens = names.split("dev").tokens
    positions = torch.tensor([500, 7, 500, 1])
    in_order = Split("", tokens, 0, 0).contexts_at(torch.arange(1, 501), 4)
    assert torch.equal(Split("", tokens, 0, 0).contexts_at(positions, 4), in_order[positions - 1])


def test_gathering_leaves_the_positions_as_they_are(names):
    positions = torch.tensor([1, 2, 3])
    names.split("dev").contexts_at(positions, 8)
    assert positions.tolist() == [1, 2, 3]


# What stands where


@pytest.mark.parametrize("split", ["dev", "test"])
def test_seen_items_are_those_in_the_set_of_train(names, name_splits, split):
    train = set(name_splits["train"])
    assert names.seen_items(split).tolist() == [item in train for item in name_splits[split]]


def test_contains_agrees_with_a_set(names, name_items):
    known = set(name_items)
    rng = random.Random(1)
    texts = [*rng.sample(name_items, 500), *(name[:-1] for name in rng.sample(name_items, 500))]
    assert names.contains(texts) == [text in known for text in texts]


def test_contains_is_false_for_what_no_item_can_be(names):
    texts = ["", "Emma", "emma ", "éva", "emma.", "em\nma", "a" * 5000]
    assert names.contains(texts) == [False] * len(texts)


def test_contains_of_no_texts_is_an_empty_list(names):
    assert names.contains([]) == []


def test_first_items_are_the_files_first_lines(names, name_items):
    split = names.split("first-5")
    text = "".join(name + "\n" for name in name_items[:5])
    assert split.num_items == 5
    assert split.num_examples == len(text) == 32
    assert names.vocabulary.decode(split.tokens.tolist()) == text.replace("\n", "")


def test_more_first_items_than_there_are_means_all(small, small_items):
    split = small.split("first-10000")
    assert split.num_items == len(small_items)
    assert split.name == f"first-{len(small_items)}"


def test_item_hashes_tell_items_apart_by_place_and_length():
    tokens = torch.tensor([0, 1, 2, 0, 2, 1, 0, 1, 0, 1, 2, 0])
    first, second, third, fourth = item_hashes(tokens, torch.tensor([0, 3, 6, 8, 11])).tolist()
    assert first == fourth
    assert len({first, second, third}) == 3


# Unique


def test_unique_keeps_the_first_of_equal_items(name_items):
    dataset = Dataset.load("names", unique=True)
    assert items_of(dataset) == list(dict.fromkeys(name_items))


def test_unique_splits_are_those_of_the_distinct_items(write, plain, small_items):
    dataset = Dataset(write("\n".join(small_items)), unique=True)
    splits = plain.splits(dict.fromkeys(small_items))
    assert {name: items_of_split(dataset, name) for name in SPLITS} == splits


def test_unique_items_leave_none_of_train_in_dev_or_test():
    dataset = Dataset.load("names", unique=True)
    assert not dataset.seen_items("dev").any()
    assert not dataset.seen_items("test").any()


# Files of every kind


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\xef\xbb\xbf" + b"anna\nbert\n" * 9, id="BOM"),
        pytest.param(b"anna\r\nbert\r\n" * 9, id="CRLF"),
        pytest.param(b"\xef\xbb\xbf" + b"anna\r\nbert" * 9, id="BOM and CRLF"),
        pytest.param(b"\n\n  \n\t\nanna\n\n\r\nbert\n \n" * 9 + b"\n\n", id="blank lines"),
        pytest.param(b"  anna\t\n\tbert  \n" * 9, id="spaces around"),
        pytest.param("\u3000anna\u00a0\n\u2003bert\u2028\n".encode() * 9, id="wide spaces around"),
        pytest.param(b"anna maria\nbert  von  b\n" * 9, id="spaces inside"),
        pytest.param("zoe\u0308\nbjo\u0308rn\n".encode() * 9, id="NFD"),
        pytest.param("\u0301a\ne\u0301\n".encode() * 9, id="mark at the beginning"),
        pytest.param(b"an\rna\nbe\x0crt\n" * 9, id="controls inside"),
        pytest.param(b"anna\nbert\n" * 9 + b"last", id="no newline at the end"),
        pytest.param("李\n😀é\n𝒳y\n".encode() * 9, id="beyond the first plane"),
    ],
)
def test_a_file_is_read_as_a_plain_reading_reads_it(write, plain, raw):
    assert items_of(Dataset(write(raw))) == plain.items(raw)


READ = ["anna", "Zoë", "Björn", "李 😀"] * 3
TEXT = "\n".join(READ)


@pytest.mark.parametrize(
    ("raw", "reading"),
    [
        pytest.param(TEXT.encode("utf-16"), Reading(), id="UTF-16"),
        pytest.param(b"\xfe\xff" + TEXT.encode("utf-16-be"), Reading(), id="UTF-16, big-endian"),
        pytest.param(TEXT.encode("utf-32"), Reading(), id="UTF-32"),
        pytest.param(TEXT.encode("utf-16-le"), Reading(encoding="utf-16-le"), id="without mark"),
        pytest.param(TEXT.encode("utf-8-sig"), Reading(encoding="cp1252"), id="mark counts"),
        pytest.param(TEXT.replace("\n", "\r").encode(), Reading(), id="CR"),
        pytest.param("\r\n\r\n".join([*READ[:3], TEXT[5:] + "\r"]).encode(), Reading(), id="mixed"),
        pytest.param(gzip.compress(TEXT.encode()), Reading(), id="gzip"),
        pytest.param(gzip.compress(TEXT.encode("utf-16")), Reading(), id="gzip of UTF-16"),
        pytest.param(TEXT.encode("gb18030"), Reading(encoding="gb18030"), id="GB 18030"),
        pytest.param(
            ("id,name\r\n" + "".join(f'{i},"{one}"\r\n' for i, one in enumerate(READ))).encode(),
            Reading(column="name"),
            id="CSV",
        ),
        pytest.param(
            ("name\tid\n" + "".join(f"{one}\t7\n" for one in READ)).encode(),
            Reading(column="name"),
            id="TSV",
        ),
        pytest.param(
            (TEXT + "\n" + "x" * 5000 + "\n" + "y" * 3 * BLOCK).encode(),
            Reading(skip_long=True),
            id="long lines",
        ),
    ],
)
def test_a_file_of_another_kind_is_read_exactly(write, raw, reading):
    dataset = Dataset(write(raw), reading=reading)
    expected = READ[:3] + READ[1:] if raw.count(b"\r\n\r\n") else READ
    assert items_of(dataset) == expected
    assert len(dataset.notes) == reading.skip_long


def test_windows_1252_is_read_where_it_is_asked_for(write):
    dataset = Dataset(write("Zoë – €\n".encode("cp1252") * 12), reading=Reading("windows-1252"))
    assert dataset.item(0) == "Zoë – €"


def test_line_ends_at_the_edge_of_a_block_are_one(write):
    raw = b"x" * 99 + b"\r\n"
    lines = BLOCK // len(raw) + 20
    for before in (b"", b"a\r\n", b"ab\n", b"abc\r"):
        assert Dataset(write(before + raw * lines)).num_items == lines + bool(before)


def test_a_quoted_row_may_have_several_lines(write):
    rows = 'name,about\n"An\nna","x, y"\n\nBert\n' + "Carl,\n" * 9 + "y" * 1001 + ",\n"
    with pytest.raises(UserError, match="line 15 is longer than 1,000 characters; --skip-long"):
        Dataset(write(rows), reading=Reading(column="name"))
    dataset = Dataset(write(rows), reading=Reading(column="name", skip_long=True))
    assert items_of(dataset)[:3] == ["An na", "Bert", "Carl"]


def test_a_table_is_refused_with_its_columns(write, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("id,name\n" + "1,Anna\n" * 12)
    with pytest.raises(UserError, match=r"is a table with the columns id, name; --column NAME"):
        Dataset(path)
    with pytest.raises(UserError, match=r"has no column 'nane'; its columns are id, name"):
        Dataset(path, reading=Reading(column="nane"))
    assert Dataset(path, reading=Reading(column="name")).distinct == 1
    path.write_text("Anna\n" * 12)
    assert Dataset(path).num_items == 12


def test_a_field_that_is_too_long_is_refused_in_the_first_line_too(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("x" * 200_000 + "\nAnna" * 12)
    for column in ("", "name"):
        with pytest.raises(UserError, match="line 1: field larger than field limit"):
            Dataset(path, reading=Reading(column=column))


def test_a_number_that_no_column_can_have_is_refused(write):
    with pytest.raises(UserError, match="has no column '999"):
        Dataset(write("Anna\n" * 12), reading=Reading(column="9" * 5000))


@pytest.mark.parametrize(("encoding", "raw"), [("utf-7", b"+2AA-"), ("unicode_escape", b"\\ud800")])
def test_half_of_a_surrogate_pair_is_refused_with_its_line(write, encoding, raw):
    path = write(b"anna\n" * 12 + raw + b"x\n")
    with pytest.raises(UserError, match=r"line 13 has '\\ud800', half of a surrogate pair"):
        Dataset(path, reading=Reading(encoding))


@pytest.mark.parametrize("encoding", ["nonsense", "hex", "rot13", "zip", "a\0b"])
def test_an_encoding_that_there_is_not_is_refused(write, encoding):
    with pytest.raises(UserError, match="no text encoding"):
        Dataset(write("anna\n" * 12), reading=Reading(encoding=encoding))


def test_characters_written_in_two_ways_are_one(write):
    dataset = Dataset(write("zoe\u0308\nzo\u00eb\n" * 6))
    assert dataset.vocabulary.characters == "ozë"
    assert dataset.distinct == 1


@pytest.mark.parametrize("characters", [254, 255, 256, 257, 300, 4096])
def test_datasets_of_many_characters_keep_them_apart(write, plain, characters):
    raw = "\n".join(chr(0x4E00 + i) * (1 + i % 3) for i in range(characters)).encode()
    dataset = Dataset(write(raw))
    assert dataset.vocabulary.size == characters + 1
    assert items_of(dataset) == plain.items(raw)
    assert items_of_split(dataset, "all") == plain.splits(plain.items(raw))["all"]


def test_characters_after_the_255th_may_come_in_a_later_block(write, plain):
    lines = ["a" * 999] * 1100 + [chr(0x4E00 + i) for i in range(400)] + ["end"]
    raw = "\n".join(lines).encode()
    assert raw.find("\u4e00".encode()) > BLOCK
    assert items_of(Dataset(write(raw))) == lines


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("beyond", [-2, -1, 0, 1, 2])
def test_items_at_the_edge_of_a_block_stay_whole(write, ending, beyond):
    line = b"x" * 900 + ending
    before = line * (BLOCK // len(line) - 1)
    long = b"y" * (BLOCK + beyond - len(before) - len(ending) - 500)
    raw = before + long[:700] + ending + long[700:] + b"z" * (500 - len(ending)) + ending
    assert len(raw) == BLOCK + beyond
    raw += b"after" + ending + b"end"
    expected = [item.decode() for item in raw.split(ending)]
    assert items_of(Dataset(write(raw))) == expected


def test_a_character_across_the_edge_of_a_block_stays_whole(write, plain):
    rng = random.Random(3)
    words = ["".join(rng.choices("aé李😀e\u0301", k=rng.randint(1, 60))) for _ in range(35_000)]
    raw = "\n".join(words).encode()
    assert len(raw) > 2 * BLOCK
    dataset = Dataset(write(raw))
    assert items_of(dataset) == plain.items(raw)
    assert items_of_split(dataset, "dev") == plain.splits(plain.items(raw))["dev"]


def test_a_path_may_begin_with_the_home_directory(write, monkeypatch):
    path = write("anna\n" * 12)
    monkeypatch.setenv("HOME", str(path.parent))
    assert Dataset.load("~/items.txt").num_items == 12


def test_the_fingerprint_is_of_the_items_not_of_how_they_are_written(write):
    plainly = Dataset(write("zo\u00eb\nanna\n" * 6))
    otherwise = Dataset(write("\ufeff zoe\u0308 \r\n\r\nanna\r\n" * 6))
    assert plainly.fingerprint != otherwise.fingerprint  # a BOM but for the first is a character
    otherwise = Dataset(write("\ufeff" + " zoe\u0308 \r\n\r\nanna\r\n" * 6))
    assert plainly.fingerprint == otherwise.fingerprint


def test_the_fingerprint_tells_other_items_and_another_order(write):
    contents = ["anna\nbert\n" * 6, "bert\nanna\n" * 6, "anna\nberta\n" * 6]
    assert len({Dataset(write(content)).fingerprint for content in contents}) == 3


# Any characters at all

characters = st.one_of(
    st.sampled_from("aab é\u0301 \r\t\u00a0\u2003\n"),
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
)
files = st.builds(
    lambda bom, text: bom + (text + "\n" + "0\n" * 10).encode(),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.text(characters, max_size=200),
)


@given(files)
def test_any_text_is_read_as_a_plain_reading_reads_it(scratch, plain, raw):
    scratch.write_bytes(raw)
    dataset, items = Dataset(scratch), plain.items(raw)
    assert items_of(dataset) == items
    assert dataset.vocabulary.characters == "".join(sorted(set("".join(items))))
    assert dataset.distinct == len(set(items))
    assert {name: items_of_split(dataset, name) for name in SPLITS} == plain.splits(items)


@given(files)
def test_in_any_text_repeats_are_found_as_sets_find_them(scratch, plain, raw):
    scratch.write_bytes(raw)
    dataset, splits = Dataset(scratch), plain.splits(plain.items(raw))
    unique = plain.splits(dict.fromkeys(splits["all"]))["all"]
    for split in ("dev", "test"):
        seen = [item in splits["train"] for item in splits[split]]
        assert dataset.seen_items(split).tolist() == seen
    assert dataset.contains(unique) == [True] * len(unique)
    assert dataset.contains([item + "0" for item in unique]) == [
        item + "0" in unique for item in unique
    ]


@given(files, st.integers(1, 9))
def test_in_any_text_contexts_are_those_of_a_plain_loop(scratch, plain, raw, context):
    scratch.write_bytes(raw)
    dataset = Dataset(scratch)
    tokens = dataset.split("all").tokens
    items = plain.splits(plain.items(raw))["all"]
    contexts, _ = plain.tensors(items, context, dataset.vocabulary.characters)
    assert torch.equal(
        Split("", tokens, 0, 0).contexts_at(torch.arange(1, len(tokens)), context), contexts
    )


# Refusals


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        pytest.param(b"", "the file is empty; at least 10 items", id="empty"),
        pytest.param(b"\xef\xbb\xbf", "the file is empty; at least 10 items", id="only a BOM"),
        pytest.param(b" \n\r\n\t\n" * 50, "the file is empty; at least 10", id="only blanks"),
        pytest.param(b"anna\n\n" * 9, "only 9 items; at least 10", id="too few"),
        pytest.param(b"anna\n" * 20 + b"b\xffb\n", r"byte 101 \(line 21\) is not UTF-8", id="byte"),
        pytest.param(
            b"\xef\xbb\xbf" + b"anna\n" * 20 + b"\xe4h\n" + b"anna\n" * 9,
            r"byte 103 \(line 21\) is not UTF-8",
            id="Latin-1 after a BOM",
        ),
        pytest.param(b"anna\n" * 20 + b"\xc3", r"byte 100 \(line 21\) is not UTF-8", id="cut"),
        pytest.param(
            "anna\n".encode("utf-16-le") * 20,
            r"byte 1 \(line 1\) is NUL; .* --encoding utf-16-le$",
            id="UTF-16 without its mark",
        ),
        pytest.param("Zoë\n".encode("cp1252") * 9, "--encoding windows-1252 reads", id="cp1252"),
        pytest.param(b"anna\n\x81\x90\n" * 9, "--encoding NAME reads another", id="neither"),
        pytest.param(gzip.compress(b"anna\n" * 99)[:-9], "a damaged .* gzip", id="gzip cut short"),
        pytest.param(b"anna\n" * 20 + b"be\0rt", r"byte 102 \(line 21\) is NUL.* binary", id="NUL"),
        pytest.param(
            b"x" * 99 + b"\n" + (b"x" * 99 + b"\n") * 20_000 + b"\xff\n",
            r"byte 2000100 \(line 20002\) is not UTF-8",
            id="byte in a later block",
        ),
        pytest.param(
            (b"x" * 99 + b"\n") * 20_000 + b"a\0",
            r"byte 2000001 \(line 20001\) is NUL",
            id="NUL in a later block",
        ),
        pytest.param(bytes(3 * BLOCK), r"byte 0 \(line 1\) is NUL.* binary", id="only NULs"),
        pytest.param(
            b"anna\n" * 3 + b"x" * 1001 + b"\n" + b"anna\n" * 9,
            "line 4 is longer than 1,000 characters",
            id="long item",
        ),
        pytest.param(
            b"x" * 3 * BLOCK, "line 1 is longer than 1,000 characters", id="one endless line"
        ),
        pytest.param(
            b"anna\r\n\r\n" * 200_000 + b"x" * 1001,
            "line 400001 is longer than 1,000 characters",
            id="long item in a later block",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_place(write, raw, sentence):
    path = write(raw)
    with pytest.raises(UserError, match=sentence) as refusal:
        Dataset(path)
    assert str(path) in str(refusal.value)


def test_a_missing_file_is_refused_with_the_built_in_names(tmp_path):
    path = tmp_path / "none.txt"
    with pytest.raises(UserError, match=r"no such file.* names, surnames, words") as refusal:
        Dataset.load(str(path))
    assert str(path) in str(refusal.value)


def test_a_directory_is_refused(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path} is a directory"):
        Dataset.load(str(tmp_path))


@pytest.mark.parametrize("name", ["anna\0", "x" * 5000, "", "~no-such-user/names.txt"])
def test_a_name_that_no_file_can_have_is_refused(name):
    with pytest.raises(UserError):
        Dataset.load(name)


def test_too_few_distinct_items_are_refused(write):
    path = write("anna\nbert\n" * 9)
    with pytest.raises(UserError, match="only 2 distinct items; at least 10"):
        Dataset(path, unique=True)


def test_items_of_exactly_1000_characters_are_accepted(write):
    lines = ["x" * 1000, " " * 50 + "y" * 1000 + "\r", "e\u0301" * 1000] * 4
    dataset = Dataset(write("\n".join(lines)))
    assert (dataset.shortest, dataset.longest) == (1000, 1000)


def test_exactly_4096_distinct_characters_are_accepted(write):
    dataset = Dataset(write("\n".join(chr(0x4E00 + i) for i in range(4096))))
    assert dataset.vocabulary.size == 4097


def test_of_too_many_characters_the_rarest_share_a_sign(write):
    common, rare = [chr(0x4E00 + i) for i in range(4095)], [chr(0x6000 + i) for i in range(1905)]
    lines = rare + common * 2 + [rare[7] + common[0]]
    dataset = Dataset(write("\n".join(lines)))
    vocabulary = dataset.vocabulary
    assert set(vocabulary.characters) == {*common, "□"}
    assert vocabulary.size == 4097
    assert items_of(dataset) == ["□"] * 1905 + common * 2 + ["□" + common[0]]
    assert vocabulary.encode(rare[3]) == vocabulary.encode("□")
    assert dataset.contains([rare[7] + common[0], "a"]) == [True, False]
    assert dataset.notes == (
        "6,000 distinct characters are too many; the 1,905 rarest share the symbol □",
    )


def test_the_shared_sign_is_none_of_the_data(write):
    lines = [chr(0x4E00 + i) for i in range(4096)] + ["□"] * 3
    vocabulary = Dataset(write("\n".join(lines))).vocabulary
    assert vocabulary.shared_sign == "▢"
    assert "□" in vocabulary.characters
    assert vocabulary.shared == chr(0x4E00 + 4094) + chr(0x4E00 + 4095)


def test_characters_are_counted_after_they_are_composed(write):
    letters = [chr(i) for i in range(0xAC00, 0xAC00 + 4096)]  # Hangul: each falls into jamo
    apart = "\n".join(unicodedata.normalize("NFD", letter) for letter in letters)
    assert Dataset(write(apart)).vocabulary.characters == "".join(letters)
