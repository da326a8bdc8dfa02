"""A checkpoint is whole or absent."""

from labkit.training import checkpoints


def folder_with(path, *files):
    path.mkdir(parents=True)
    for name in files:
        (path / name).write_text(name)
    return path


def test_the_newest_is_that_of_the_highest_step(tmp_path):
    for step in (2, 10, 9):
        folder_with(tmp_path / f"checkpoint-{step}", "a")
    assert checkpoints.newest(tmp_path).name == "checkpoint-10"
    assert checkpoints.newest(tmp_path / "none") is None


def test_drafts_and_rests_of_deletions_are_never_read(tmp_path):
    folder_with(tmp_path / checkpoints.DRAFT / "checkpoint-9", "a")
    folder_with(tmp_path / ".checkpoint-3.old", "a")
    folder_with(tmp_path / "checkpoint-x", "a")
    assert checkpoints.newest(tmp_path) is None
    checkpoints.clean(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-x"]


def test_publishing_replaces_an_older_folder_of_that_name(tmp_path):
    old = folder_with(tmp_path / "adapter", "old")
    draft = folder_with(tmp_path / checkpoints.DRAFT / "adapter", "new")
    checkpoints.publish(draft, old)
    assert [path.name for path in old.iterdir()] == ["new"]
    assert not draft.exists()


def test_pruning_keeps_what_it_is_told_to(tmp_path):
    kept = {folder_with(tmp_path / f"checkpoint-{step}", "a") for step in (1, 3)}
    folder_with(tmp_path / "checkpoint-2", "a")
    checkpoints.prune(tmp_path, kept)
    assert set(checkpoints.whole(tmp_path)) == kept
