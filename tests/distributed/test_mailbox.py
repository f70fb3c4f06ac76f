"""What a mailbox keeps, and for whom, without a cluster."""

import asyncio

from algr.distributed.mailbox import EpochMessage, Mailbox
from algr.engine import FoldEpoch

MESSAGE = EpochMessage((FoldEpoch(0, 0, {}, {}, 1.0),))


def test_each_run_has_its_own_messages_in_their_order():
    async def told() -> list:
        mailbox = Mailbox()
        await mailbox.open("a", 1)
        await mailbox.open("b", 2)
        await mailbox.put("a", MESSAGE)
        await mailbox.put("b", "other")
        await mailbox.put("a", "last")
        return await mailbox.take("a", 0.0)

    assert asyncio.run(told()) == [MESSAGE, "last"]


def test_a_run_that_was_closed_is_not_heard_and_may_not_begin():
    async def told() -> tuple:
        mailbox = Mailbox()
        await mailbox.open("a", 1)
        may_begin = await mailbox.announce("a", "first controller")
        closed = await mailbox.close(1)
        await mailbox.put("a", MESSAGE)
        return may_begin, closed, await mailbox.announce("a", "late"), await mailbox.take("a", 0.0)

    assert asyncio.run(told()) == (True, ["first controller"], False, [])


def test_closing_one_owners_runs_leaves_the_others():
    async def told() -> tuple:
        mailbox = Mailbox()
        await mailbox.open("a", 1)
        await mailbox.open("b", 2)
        await mailbox.announce("b", "controller of b")
        return await mailbox.close(1), await mailbox.close(2)

    assert asyncio.run(told()) == ([], ["controller of b"])


def test_no_run_begins_after_the_end_of_the_search():
    async def told() -> tuple:
        mailbox = Mailbox()
        await mailbox.open("a", 1)
        await mailbox.announce("a", "controller of a")
        return await mailbox.shut(), await mailbox.open("b", 2)

    assert asyncio.run(told()) == (["controller of a"], False)


def test_an_epoch_begins_when_it_is_allowed_and_not_before():
    async def told() -> list[str]:
        mailbox, happened = Mailbox(), []

        async def worker() -> None:
            for epoch in range(2):
                await mailbox.wait_for_turn("a", epoch)
                happened.append(f"epoch {epoch}")

        await mailbox.open("a", 1)
        working = asyncio.create_task(worker())
        await asyncio.sleep(0.01)
        happened.append("allowed one")
        await mailbox.allow("a", 1)
        await asyncio.sleep(0.01)
        happened.append("allowed two")
        await mailbox.allow("a", 2)
        await working
        return happened

    assert asyncio.run(told()) == ["allowed one", "epoch 0", "allowed two", "epoch 1"]
