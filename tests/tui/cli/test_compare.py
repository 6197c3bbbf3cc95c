import pytest

from tests.support.command_line import SMALL

KEYS = {
    "a", "b", "difference", "standard_error", "unpaired_error", "different", "sentence", "steps",
    "seeds", "interval", "pairs", "unpaired",
}  # fmt: skip


def test_a_comparison_as_json(run_json):
    words = ("--preset", "lecture", "--set-b", "learning_rate=0.05", "--steps", 40, *SMALL)
    found = run_json("compare", *words)
    assert set(found) == KEYS
    a, b = found["a"], found["b"]
    assert (a["settings"]["learning_rate"], b["settings"]["learning_rate"]) == (0.1, 0.05)
    assert a["settings"]["init"] == b["settings"]["init"] == "lecture"
    assert found["difference"] == pytest.approx(b["losses"]["dev"] - a["losses"]["dev"])
    assert 0 < found["standard_error"] < found["unpaired_error"]
    assert (found["steps"], found["seeds"], found["interval"]) == (40, 1, None)
    assert found["different"] is found["sentence"].startswith("B is ")


def test_several_seeds_have_an_interval_and_a_table(run, run_json):
    words = ("--set-b", "hidden=5", "--steps", 20, "--seeds", 2, *SMALL)
    found = run_json("compare", *words)
    low, high = found["interval"]
    assert low < found["difference"] < high
    assert found["seeds"] == len(found["pairs"]) == 2
    assert found["a"]["settings"]["seed"] == 1
    done = run("compare", *words)
    assert (done.code, done.err) == (0, "")
    assert "Dev loss by seed" in done.out
    assert found["sentence"] in " ".join(done.out.split())


def test_a_setting_beside_itself_has_no_difference(run):
    done = run("compare", "--steps", 20, *SMALL)
    assert "No difference that 3,218 names could show at step 20: 0.0000 ± 0.0000" in done.out
    assert "takes several seeds" in done.out


def test_a_run_that_diverges_is_told_of_and_the_exit_code_is_0(run):
    words = ("--set-b", "lr=1000", "--set-b", "decay=100", "--steps", 60, *SMALL)
    done = run("compare", *words)
    assert (done.code, done.err) == (0, "")
    assert "The dev loss of B is not finite at steps 60 and " in done.out


def test_a_saved_run_is_forked_and_two_are_compared(run_json, saved, tmp_path):
    found = run_json("compare", "--resume", saved.path, "--set-b", "lr=0.01", "--steps", 70)
    assert found["steps"] == 70
    assert found["a"]["settings"]["seed"] == 3
    two = run_json("compare", "--resume", saved.path, "--resume", saved.path)
    assert (two["steps"], two["difference"]) == (60, 0)
    assert two["a"]["losses"]["dev"] == pytest.approx(saved.report["dev_loss"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--set-b", "nope=1"], "there is no setting 'nope'"),
        (["--seeds", 21], "--seeds must be a whole number from 1 to 20, not 21"),
        (["--preset", "nope"], "there is no preset 'nope'"),
        (["--resume", "nope"], "no run named nope"),
    ],
)
def test_comparisons_that_are_refused(refused, words, says):
    assert says in refused("compare", *words)


def test_a_saved_run_has_its_own_seed_and_data(refused, saved):
    assert "--seeds can't be combined with --resume" in refused(
        "compare", "--resume", saved.path, "--seeds", 2
    )
    assert "kind would start a new run" in refused(
        "compare", "--resume", saved.path, "--set-b", "kind=ngram"
    )
