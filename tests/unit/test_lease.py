"""Candidates for one lease in virtual time: who leads when calls to the API server are lost or late."""

import asyncio
import random

import pytest
from integration_token.cluster.collection import Object
from integration_token.errors import Denied, Unavailable

from tests.unit.candidate import Process, Scene, play
from tests.unit.virtual import FakeClock, run


def test_first_candidate_leads_at_once_and_the_others_stand_by() -> None:
    """The Lease shows the leader, since when it leads, and when it last renewed."""

    async def story(scene: Scene) -> None:
        scene.start()
        await asyncio.sleep(0.1)
        scene.start()
        await asyncio.sleep(60)

        assert scene.leaders == ["process-0"]
        assert len(scene.processes[0].terms) == 1
        assert scene.spec["holderIdentity"] == "process-0"
        assert scene.spec["leaseDurationSeconds"] == 15
        assert scene.spec["leaseTransitions"] == 0
        assert scene.spec["acquireTime"] < scene.spec["renewTime"]
        assert scene.spec["renewTime"].endswith("Z")
        assert not any(process.candidate.problem for process in scene.processes)

    play(story)


def test_killed_leader_is_replaced_within_16_seconds() -> None:
    """Counted from the last renewal, which the standby saw at most 1 s later; never before the 15 s are over."""

    async def main(clock: FakeClock) -> None:
        for seed in range(20):
            scene = Scene(clock, random.Random(seed))  # noqa: S311  # no secret
            first = scene.start()
            await asyncio.sleep(0.1)
            second = scene.start(offset=-86400.0)
            await asyncio.sleep(30 + seed / 7)
            first.kill()
            killed = asyncio.get_running_loop().time()
            await asyncio.sleep(20)

            assert 13 <= second.terms[0][0] - killed <= 16
            assert scene.spec["holderIdentity"] == "process-1"
            assert scene.spec["leaseTransitions"] == 1
            await scene.end()

    run(main)


def test_released_lease_is_taken_over_within_a_second() -> None:
    """After an orderly shutdown no standby has to wait."""

    async def story(scene: Scene) -> None:
        first = scene.start()
        await asyncio.sleep(0.1)
        second = scene.start()
        await asyncio.sleep(30)
        await first.end()
        assert scene.spec["holderIdentity"] == ""
        await asyncio.sleep(1.01)

        assert second.leads()

    play(story)


def test_renewal_under_way_at_the_end_keeps_nobody_waiting() -> None:
    """It arrives even though its caller has stopped waiting, and makes the version to be released outdated."""

    async def main(clock: FakeClock) -> None:
        for moment in range(20):
            scene = Scene(clock)
            first = scene.start()
            first.line.delay = lambda: 0.3
            await asyncio.sleep(5 + moment / 10)
            await first.end()

            assert scene.spec["holderIdentity"] == ""
            await scene.end()

    run(main)


def test_standby_releases_nothing() -> None:
    """It ends silently."""

    async def story(scene: Scene) -> None:
        scene.start()
        await asyncio.sleep(0.1)
        second = scene.start()
        await asyncio.sleep(5)
        await second.candidate.release()
        await asyncio.sleep(5)

        assert scene.spec["holderIdentity"] == "process-0"

    play(story)


def test_leader_that_is_cut_off_stops_before_another_begins() -> None:
    """It stops 10 s after its last renewal, by its own clock; the other has waited 15 s by then."""

    async def story(scene: Scene) -> None:
        first = scene.start()
        await asyncio.sleep(0.1)
        scene.start()
        await asyncio.sleep(30)
        first.line.cut = True
        cut = asyncio.get_running_loop().time()
        await first.terms[0][1].closed.wait()
        assert 8 <= asyncio.get_running_loop().time() - cut <= 10
        await asyncio.sleep(3)
        assert scene.leaders == []
        await asyncio.sleep(7)
        assert scene.leaders == ["process-1"]
        first.line.cut = False
        await asyncio.sleep(30)

        assert scene.leaders == ["process-1"]

    play(story)


def test_term_counts_from_when_its_last_renewal_was_sent() -> None:
    """The others may have seen it long before its answer came; the same holds for a term's first write."""

    async def main(clock: FakeClock) -> None:
        for renewals in (0, 3):
            scene = Scene(clock)
            first = scene.start()
            first.line.delay = lambda: 2.0
            await asyncio.sleep(8.01 + renewals * 6)
            assert first.leads()
            first.line.cut = True
            await first.terms[0][1].closed.wait()

            assert asyncio.get_running_loop().time() == pytest.approx(first.line.answered[-1] + 10, abs=0.01)
            await scene.end()

    run(main)


def test_outage_for_all_ends_with_the_leader_there_was() -> None:
    """While no candidate reaches the API server none leads; when it is back, its last holder leads."""

    async def story(scene: Scene) -> None:
        first = scene.start()
        await asyncio.sleep(30)
        first.line.refused = Unavailable("the API server cannot be reached")
        await asyncio.sleep(11)
        assert not first.leads()
        assert "Lease operators/tokens: the API server cannot be reached" in first.candidate.problem
        await asyncio.sleep(3600)
        first.line.refused = None
        await asyncio.sleep(2.01)

        assert first.leads()
        assert len(first.terms) == 2
        assert first.candidate.problem == ""

    play(story)


def test_lost_answer_to_a_renewal_costs_no_term() -> None:
    """The next attempt finds that the record is its own."""

    async def story(scene: Scene) -> None:
        first = scene.start()
        await asyncio.sleep(30)
        answers = iter([False, True])
        first.line.lost = lambda: next(answers, False)
        await asyncio.sleep(30)

        assert first.leads()
        assert len(first.terms) == 1

    play(story)


def test_lease_that_is_deleted_is_recreated_by_its_holder() -> None:
    """A standby that has seen it waits, since the holder may not know yet."""

    async def story(scene: Scene) -> None:
        first = scene.start()
        await asyncio.sleep(0.1)
        scene.start()
        await asyncio.sleep(30)
        scene.cluster.remove("leases", "operators", "tokens")
        await asyncio.sleep(30)

        assert scene.leaders == ["process-0"]
        assert len(first.terms) == 1

    play(story)


def test_lease_that_a_person_gives_to_another_is_respected() -> None:
    """Its holder stops at its next renewal."""

    async def story(scene: Scene) -> None:
        first = scene.start()
        await asyncio.sleep(30)
        scene.cluster.edit("leases", "operators", "tokens", lambda lease: lease["spec"].update(holderIdentity="x"))
        await asyncio.sleep(2.01)

        assert not first.leads()
        await asyncio.sleep(16)
        assert first.leads(), "nobody of that name renewed it"

    play(story)


def test_labels_and_fields_of_others_stay_in_the_lease() -> None:
    """An election leaves alone what people or tools wrote into it."""

    async def story(scene: Scene) -> None:
        scene.start()
        await asyncio.sleep(5)

        def change(lease: Object) -> None:
            lease["metadata"]["labels"] = {"team": "platform"}
            lease["spec"]["strategy"] = "OldestEmulationVersion"

        scene.cluster.edit("leases", "operators", "tokens", change)
        await asyncio.sleep(5)

        assert scene.cluster.object("leases", "operators", "tokens")["metadata"]["labels"] == {"team": "platform"}
        assert scene.spec["strategy"] == "OldestEmulationVersion"

    play(story)


def test_refusal_is_reported_until_it_is_granted() -> None:
    """In the API server's own words: which verb on which resource is missing."""

    async def story(scene: Scene) -> None:
        first = scene.start()
        said = '403 leases "tokens" is forbidden: User "u" cannot get resource "leases"'
        first.line.refused = Denied(said, status=403)
        await asyncio.sleep(5)
        assert first.candidate.problem == f"cannot read and write Lease operators/tokens: {said}"
        first.line.refused = None
        await asyncio.sleep(2.01)

        assert first.leads()
        assert first.candidate.problem == ""

    play(story)


class Chaos:
    """Candidates whose clocks differ, and that are cut off, killed, stopped and replaced, with calls late or lost."""

    def __init__(self, clock: FakeClock, seed: int) -> None:
        """Starts three of them, or two."""
        self._chance = random.Random(seed)  # noqa: S311  # no secret
        self.scene = Scene(clock, self._chance)
        self._alive: list[Process] = []
        for _ in range(self._chance.choice([2, 3])):
            self._start()

    def strike(self) -> None:
        """One thing happens to one of them; a stopped one is replaced."""
        process = self._chance.choice(self._alive)
        match self._chance.choice(["cut", "mend", "kill", "end"]):
            case "cut":
                process.line.cut = True
            case "mend":
                process.line.cut = False
            case "end" if process.leads():
                process.tasks.append(asyncio.create_task(process.end()))
                self._alive.remove(process)
            case "kill":
                process.kill()
                for _, fence in process.terms:
                    fence.close()  # nobody could pass it any more
                self._alive.remove(process)
        while len(self._alive) < 2:
            self._start()

    def wait(self) -> float:
        """Seconds until the next check: short compared with how long two leaders at once would last."""
        return self._chance.expovariate(2)

    def calm(self) -> None:
        """From now on everything works."""
        for process in self._alive:
            process.line.cut, process.line.delay, process.line.lost = False, lambda: 0.01, lambda: False

    def _start(self) -> None:
        # The durations' ratio of 1.5 tolerates clocks that differ by less.
        chance = self._chance
        process = self.scene.start(rate=chance.uniform(1.0, 1.4), offset=chance.uniform(-1e6, 1e6))
        process.line.delay = lambda: chance.uniform(0, 12) if chance.random() < 0.1 else 0.01
        process.line.lost = lambda: chance.random() < 0.02
        self._alive.append(process)


@pytest.mark.parametrize("seed", range(20))
def test_never_two_leaders(seed: int) -> None:
    """Whatever happens, two never may act at once; as soon as everything works one does."""

    async def main(clock: FakeClock) -> None:
        chaos = Chaos(clock, seed)
        for number in range(1000):
            await asyncio.sleep(chaos.wait())
            assert len(chaos.scene.leaders) <= 1
            if number % 50 == 49:
                chaos.strike()
        chaos.calm()
        await asyncio.sleep(40)
        assert len(chaos.scene.leaders) == 1
        assert sum(len(process.terms) for process in chaos.scene.processes) > 2, "nothing happened"
        await chaos.scene.end()

    run(main)
