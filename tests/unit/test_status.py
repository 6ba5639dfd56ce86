"""The status says what token there is and what is wrong, and changes times only when something changed."""

from dataclasses import replace
from typing import Any

import pytest
from integration_token.api.condition import ConditionType, Reason, condition_of
from integration_token.api.integration import Integration, parse_integration
from integration_token.api.token import GrantIdentity, StoredToken, Token
from integration_token.controller.status import build_status, merge_patch
from integration_token.controller.wording import due_within
from integration_token.errors import EndpointUnusable, Failure, Transient, UserActionRequired
from integration_token.renewal.rollover import Rollover

from tests.unit.situation import Situation

ISSUED = 1_800_000_000.0
NOW = ISSUED + 3600
DAY = 86400.0
STORED = StoredToken(
    Token("t0k3n-value", issued=ISSUED, expires=ISSUED + DAY, assumed=False, scope=("read", "write")),
    GrantIdentity("endpoint-uid", "hash", "credentials-uid/7"),
)
UNREACHABLE = Transient(Reason.ENDPOINT_UNREACHABLE, "no connection")
DENIED = UserActionRequired(Reason.ACCESS_DENIED, "check the audience")
GOOD = Situation(now=NOW, stored=STORED, matches=True, expires=ISSUED + DAY, renews=ISSUED + 0.8 * DAY)
EMPTY = replace(GOOD, stored=None, matches=None, expires=0, renews=0)
PROGRESSING = ("False", "Progressing")
Status = dict[str, Any]


def resource(
    status: Status | None = None, *, generation: int = 1, suspend: bool = False, delay: str = "0s"
) -> Integration:
    """An IntegrationToken with this status and this consumer delay."""
    references = {"endpointRef": {"name": "login"}, "credentialsSecretRef": {"name": "shop"}}
    spec = {**references, "suspend": suspend, "consumerDelay": delay}
    metadata = {"namespace": "store", "name": "shop", "uid": "uid", "generation": generation}
    return parse_integration({"metadata": metadata, "spec": spec, "status": status or {}})


def status_of(of: Integration, situation: Situation) -> Status:
    """The resource's status after a pass."""
    return situation.status(of)


def told(status: Status, kind: ConditionType) -> tuple[str, str]:
    """Status and reason of a condition."""
    condition = condition_of(status, kind)
    return condition["status"], condition["reason"]


def ready(situation: Situation, of: Integration | None = None) -> tuple[str, str]:
    """Status and reason of Ready."""
    return told(status_of(of or resource(), situation), ConditionType.READY)


def refreshed(situation: Situation, of: Integration | None = None) -> tuple[str, str]:
    """Status and reason of Refreshed."""
    return told(status_of(of or resource(), situation), ConditionType.REFRESHED)


class TestReady:
    """True exactly while the Secret holds an unexpired token of the grant as now specified."""

    @pytest.mark.parametrize(
        ("situation", "expected"),
        [
            pytest.param(GOOD, ("True", "TokenValid"), id="there is a valid token of the grant"),
            pytest.param(
                replace(GOOD, now=ISSUED + DAY - 0.001), ("True", "TokenValid"), id="it is valid to its last moment"
            ),
            pytest.param(
                replace(GOOD, now=ISSUED + DAY), ("False", "TokenExpired"), id="it is expired from its expiry on"
            ),
            pytest.param(
                replace(GOOD, expires=NOW - 1),
                ("False", "TokenExpired"),
                id="it is expired if the best estimate says so, whatever was stored",
            ),
            pytest.param(
                replace(GOOD, failure=UNREACHABLE), ("True", "TokenValid"), id="a failing refresh doesn't change that"
            ),
            pytest.param(
                replace(GOOD, failure=DENIED), ("True", "TokenValid"), id="nor does one that only a change can fix"
            ),
            pytest.param(replace(GOOD, rate_limited=True), ("True", "TokenValid"), id="nor does waiting"),
            pytest.param(
                replace(GOOD, matches=False, failure=DENIED),
                ("False", "AccessDenied"),
                id="a token of the previous grant doesn't count",
            ),
            pytest.param(
                replace(GOOD, failure=UserActionRequired(Reason.CREDENTIALS_NOT_LABELLED, "label it")),
                ("False", "CredentialsNotLabelled"),
                id="without the consent of the credentials' owner a token does not count",
            ),
            pytest.param(
                replace(GOOD, failure=UserActionRequired(Reason.NOT_ALLOWED, "ask")),
                ("False", "NotAllowed"),
                id="nor if the endpoint no longer selects the namespace",
            ),
            pytest.param(
                replace(GOOD, failure=UserActionRequired(Reason.SECRET_NOT_OWNED, "rename")),
                ("False", "SecretNotOwned"),
                id="nor if the Secret is not ours",
            ),
            pytest.param(
                replace(EMPTY, failure=UNREACHABLE),
                ("False", "EndpointUnreachable"),
                id="without a token the failure is the reason",
            ),
            pytest.param(
                replace(EMPTY, rate_limited=True), ("False", "RateLimited"), id="waiting for a first token is reported"
            ),
            pytest.param(
                replace(GOOD, now=ISSUED + DAY, failure=UNREACHABLE),
                ("False", "EndpointUnreachable"),
                id="once the token has expired the failure is the reason",
            ),
        ],
    )
    def test_it_reports_whether_consumers_have_a_token(self, situation: Situation, expected: tuple[str, str]) -> None:
        """Each situation has one answer."""
        assert ready(situation) == expected

    @pytest.mark.parametrize(
        ("before", "generation", "expected"),
        [
            pytest.param("True", 1, "True", id="a token that was valid before still counts"),
            pytest.param("False", 1, "False", id="one that wasn't valid before doesn't"),
            pytest.param("True", 2, "False", id="nor does one of an older spec"),
            pytest.param(None, 1, "False", id="nor one that is unknown"),
        ],
    )
    def test_it_stays_as_it_was_if_the_grant_is_unknown(
        self, before: str | None, generation: int, expected: str
    ) -> None:
        """Something that the spec refers to was deleted, for example: consumers still have their token."""
        situation = replace(GOOD, matches=None, failure=UserActionRequired(Reason.ENDPOINT_NOT_FOUND, "create it"))
        status: Status = {"observedGeneration": 1}
        if before is not None:
            status["conditions"] = [{"type": "Ready", "status": before, "reason": "TokenValid"}]
        assert ready(situation, resource(status, generation=generation))[0] == expected

    def test_its_message_says_until_when_the_token_is_valid_or_what_to_do(self) -> None:
        """Never empty."""
        messages = [
            condition_of(status_of(resource(), situation), ConditionType.READY)["message"]
            for situation in (GOOD, replace(EMPTY, failure=DENIED), replace(GOOD, now=ISSUED + DAY))
        ]
        assert messages == [
            "the token is valid until 2027-01-16T08:00:00Z",
            "check the audience",
            "the token has expired and the endpoint still returns the same one; retrying",
        ]


class TestSuspend:
    """Nothing is requested or written, and the status says so."""

    def test_a_good_token_stays_ready(self) -> None:
        """Only refreshing has stopped."""
        of = resource(suspend=True)
        assert (ready(GOOD, of), refreshed(GOOD, of)) == (("True", "TokenValid"), ("False", "Suspended"))

    @pytest.mark.parametrize("situation", [EMPTY, replace(GOOD, now=ISSUED + DAY)], ids=["no token", "expired"])
    def test_without_a_good_token_it_is_the_reason(self, situation: Situation) -> None:
        """The message says what to do."""
        status = status_of(resource(suspend=True), situation)
        assert told(status, ConditionType.READY) == ("False", "Suspended")
        assert "set it to false" in condition_of(status, ConditionType.READY)["message"]

    def test_the_generation_is_observed_all_the_same(self) -> None:
        """Tools that wait for it aren't held up."""
        assert status_of(resource(generation=4, suspend=True), EMPTY)["observedGeneration"] == 4


class TestRefreshed:
    """Whether the last request succeeded."""

    @pytest.mark.parametrize(
        ("situation", "expected"),
        [
            pytest.param(replace(GOOD, asked=True, renewed=True), ("True", "Refreshed"), id="a new token was stored"),
            pytest.param(replace(GOOD, asked=True), ("True", "Refreshed"), id="the same token was returned"),
            pytest.param(replace(GOOD, asked=True, failure=UNREACHABLE), ("False", "EndpointUnreachable"), id="failed"),
            pytest.param(replace(EMPTY, rate_limited=True), ("False", "RateLimited"), id="it waits for its turn"),
        ],
    )
    def test_it_reports_how_refreshing_goes(self, situation: Situation, expected: tuple[str, str]) -> None:
        """Independently of Ready."""
        assert refreshed(situation) == expected

    def test_a_failed_refresh_is_still_reported_after_a_restart_until_the_next_request(self) -> None:
        """A new process doesn't know of the failure, and nothing shows that it is fixed."""
        before = status_of(resource(), replace(GOOD, asked=True, failure=DENIED))
        status = status_of(resource(before), GOOD)
        assert told(status, ConditionType.REFRESHED) == ("False", "AccessDenied")
        assert condition_of(status, ConditionType.REFRESHED)["message"] == (
            "check the audience; the current token is valid until 2027-01-16T08:00:00Z"
        )
        assert refreshed(replace(GOOD, asked=True), resource(status)) == ("True", "Refreshed")

    @pytest.mark.parametrize(
        "situation",
        [
            pytest.param(EMPTY, id="there is none"),
            pytest.param(replace(GOOD, now=ISSUED + DAY), id="it has expired"),
            pytest.param(replace(GOOD, matches=False), id="it belongs to the previous spec"),
        ],
    )
    def test_a_failure_mentions_the_current_token_only_if_it_is_valid(self, situation: Situation) -> None:
        """The message says for how long the failure does no harm."""
        status = status_of(resource(), replace(situation, asked=True, failure=UNREACHABLE))
        assert condition_of(status, ConditionType.REFRESHED)["message"] == "no connection"

    def test_no_expiry_is_reported_for_a_token_whose_expiry_is_assumed(self) -> None:
        """The date only says when to ask again."""
        assumed = replace(STORED, token=replace(STORED.token, assumed=True))
        status = status_of(resource(), replace(GOOD, stored=assumed, asked=True, failure=UNREACHABLE))
        assert condition_of(status, ConditionType.REFRESHED)["message"] == (
            "no connection; the current token is kept, and its expiry is unknown"
        )

    def test_a_waiting_renewal_request_is_reported(self) -> None:
        """A user who annotated the resource sees why nothing happens; with a valid token this isn't a failure."""
        status = status_of(resource(), replace(GOOD, wishes=25.0))
        assert told(status, ConditionType.REFRESHED) == ("True", "Refreshed")
        assert condition_of(status, ConditionType.REFRESHED)["message"] == (
            "the requested renewal waits: at most 3 renewals a minute may be requested for the same token request;"
            " it is due within 30 s"
        )

    @pytest.mark.parametrize(
        ("situation", "said"),
        [
            (
                replace(EMPTY, grant_rate=45.0),
                "the operator's own limit of 12 requests a minute for the same token",
            ),
            (replace(EMPTY, rate_limited=True, why="what the queue says"), "what the queue says"),
        ],
    )
    def test_waiting_resources_say_for_which_limit(self, situation: Situation, said: str) -> None:
        """There are several, and they are raised in different places, or not at all."""
        status = status_of(resource(), situation)
        assert told(status, ConditionType.READY) == ("False", "RateLimited")
        assert condition_of(status, ConditionType.READY)["message"].startswith(f"the request waits for {said}")

    def test_a_failure_that_is_seen_to_be_fixed_is_no_longer_reported(self) -> None:
        """A Secret that is back needs no request."""
        missing = UserActionRequired(Reason.CREDENTIALS_NOT_FOUND, "create it")
        before = status_of(resource(), replace(GOOD, failure=missing))
        assert refreshed(GOOD, resource(before)) == ("True", "Refreshed")

    def test_a_failure_of_an_older_spec_is_no_longer_reported(self) -> None:
        """What was refused then may not even be requested now."""
        before = status_of(resource(), replace(GOOD, asked=True, failure=DENIED))
        assert refreshed(GOOD, resource(before, generation=2)) == ("True", "Refreshed")

    def test_reduced_scopes_are_reported_until_the_next_token(self) -> None:
        """Polls and restarts in between don't change that."""
        reduced = status_of(resource(), replace(GOOD, asked=True, renewed=True, scopes_reduced=True))
        assert told(reduced, ConditionType.REFRESHED) == ("True", "ScopesReduced")
        polled = status_of(resource(reduced), replace(GOOD, asked=True))
        assert told(polled, ConditionType.REFRESHED) == ("True", "ScopesReduced")
        assert merge_patch(reduced, status_of(resource(polled), GOOD)) == {}
        renewed = status_of(resource(polled), replace(GOOD, asked=True, renewed=True))
        assert told(renewed, ConditionType.REFRESHED) == ("True", "Refreshed")


class TestStalled:
    """True if there is no token and only a person's change helps."""

    @pytest.mark.parametrize(
        ("failure", "expected"),
        [
            pytest.param(None, PROGRESSING, id="nothing prevents it"),
            pytest.param(UNREACHABLE, PROGRESSING, id="a fault may pass by itself"),
            pytest.param(DENIED, ("True", "AccessDenied"), id="only a change helps"),
            pytest.param(
                Transient(Reason.SECRET_NOT_OWNED, "it is being deleted"),
                PROGRESSING,
                id="the Secret is being deleted",
            ),
            pytest.param(
                EndpointUnusable(Reason.INVALID_SPEC, "mend it"),
                PROGRESSING,
                id="the endpoint's spec is invalid",
            ),
        ],
    )
    @pytest.mark.parametrize(
        "situation",
        [
            pytest.param(EMPTY, id="there is none"),
            pytest.param(replace(GOOD, now=ISSUED + DAY), id="it has expired"),
            pytest.param(replace(GOOD, matches=False), id="it belongs to the previous spec"),
        ],
    )
    def test_without_a_valid_token_it_shows_whether_a_person_is_needed(
        self, situation: Situation, failure: Failure | None, expected: tuple[str, str]
    ) -> None:
        """With the failure's message."""
        status = status_of(resource(), replace(situation, asked=True, failure=failure))
        assert told(status, ConditionType.STALLED) == expected
        if failure is not None and expected != PROGRESSING:
            assert condition_of(status, ConditionType.STALLED)["message"] == failure.message

    def test_a_failing_refresh_of_a_good_token_stalls_nothing(self) -> None:
        """Pods whose token has hours left are no failed release."""
        status = status_of(resource(), replace(GOOD, asked=True, failure=DENIED))
        assert told(status, ConditionType.READY)[0] == "True"
        assert told(status, ConditionType.REFRESHED) == ("False", "AccessDenied")
        assert told(status, ConditionType.STALLED) == PROGRESSING

    @pytest.mark.parametrize("reason", list(Reason))
    def test_what_may_still_arrive_stalls_nothing(self, reason: Reason) -> None:
        """An invalid spec, somebody else's Secret and refusals by the endpoint do; no other reason does."""
        stalls = {
            Reason.INVALID_SPEC,
            Reason.SECRET_NOT_OWNED,
            Reason.INVALID_CLIENT,
            Reason.ACCESS_DENIED,
            Reason.UNAUTHORIZED_CLIENT,
            Reason.INVALID_SCOPE,
            Reason.REQUEST_REJECTED,
        }
        status = status_of(resource(), replace(EMPTY, failure=UserActionRequired(reason, "do something")))
        assert told(status, ConditionType.STALLED)[0] == str(reason in stalls)

    def test_a_suspended_or_waiting_resource_is_not_stalled_by_an_earlier_refusal(self) -> None:
        """What the endpoint would say now is unknown."""
        refused = status_of(resource(), replace(EMPTY, asked=True, failure=DENIED))
        suspended = resource(refused, suspend=True)
        assert told(status_of(suspended, EMPTY), ConditionType.STALLED) == PROGRESSING
        assert told(status_of(resource(refused), replace(EMPTY, rate_limited=True)), ConditionType.STALLED) == (
            PROGRESSING
        )


class TestTimes:
    """A condition's time is that of its last change of status."""

    def test_a_condition_that_keeps_its_status_keeps_its_time(self) -> None:
        """Even if reason or message change."""
        before = status_of(resource(), replace(EMPTY, failure=UNREACHABLE))
        after = status_of(resource(before), replace(EMPTY, now=NOW + 60, failure=DENIED))
        condition = condition_of(after, ConditionType.READY)
        assert (condition["reason"], condition["lastTransitionTime"]) == ("AccessDenied", "2027-01-15T09:00:00Z")

    def test_a_condition_that_changes_its_status_takes_the_present_time(self) -> None:
        """The others keep theirs."""
        before = status_of(resource(), replace(EMPTY, failure=UNREACHABLE))
        after = status_of(resource(before), replace(GOOD, now=NOW + 60, asked=True, renewed=True))
        times = {condition["type"]: condition["lastTransitionTime"] for condition in after["conditions"]}
        assert times == {
            "Ready": "2027-01-15T09:01:00Z",
            "Refreshed": "2027-01-15T09:01:00Z",
            "Stalled": "2027-01-15T09:00:00Z",
            "RolloverTooLate": "2027-01-15T09:00:00Z",
        }

    def test_a_status_that_says_the_same_later_is_no_write(self) -> None:
        """Neither after a poll that returns the same token nor after a restart."""
        before = status_of(resource(), replace(GOOD, asked=True, renewed=True))
        for situation in (replace(GOOD, now=NOW + 7200, asked=True), replace(GOOD, now=NOW + 7200)):
            assert merge_patch(before, status_of(resource(before), situation)) == {}


class TestWording:
    """New wording in another version is no reason to write.

    Otherwise each upgrade and rollback would write a status for every valid token.
    """

    @pytest.mark.parametrize(
        ("situation", "suspend"),
        [
            pytest.param(GOOD, False, id="a good token"),
            pytest.param(replace(GOOD, asked=True), False, id="a poll that returned the same token"),
            pytest.param(GOOD, True, id="a valid token that isn't renewed"),
            pytest.param(EMPTY, True, id="nothing is needed"),
            pytest.param(replace(GOOD, now=ISSUED + DAY), False, id="the endpoint returns an expired token"),
        ],
    )
    def test_the_words_of_another_version_stand(self, situation: Situation, suspend: bool) -> None:
        """As long as they say the same."""
        before = _reworded(status_of(resource(suspend=suspend), situation))
        assert merge_patch(before, status_of(resource(before, suspend=suspend), situation)) == {}

    def test_reduced_scopes_are_reported_in_the_existing_words(self) -> None:
        """Until the next token."""
        before = _reworded(status_of(resource(), replace(GOOD, asked=True, renewed=True, scopes_reduced=True)))
        assert merge_patch(before, status_of(resource(before), GOOD)) == {}

    def test_a_message_that_says_something_else_is_written(self) -> None:
        """Another expiry, another reason, another failure for the same reason, another status."""
        before = _reworded(status_of(resource(), GOOD))
        later = replace(STORED, token=replace(STORED.token, expires=ISSUED + 2 * DAY))
        after = status_of(resource(before), replace(GOOD, stored=later, expires=ISSUED + 2 * DAY))
        assert condition_of(after, ConditionType.READY)["message"] == "the token is valid until 2027-01-17T08:00:00Z"
        for first, second in ((GOOD, replace(GOOD, failure=DENIED)), (replace(GOOD, failure=DENIED), GOOD)):
            before = _reworded(status_of(resource(), first))
            after = status_of(resource(before), replace(second, asked=True))
            assert not condition_of(after, ConditionType.REFRESHED)["message"].startswith("in other words")
        before = status_of(resource(), replace(EMPTY, failure=UserActionRequired(Reason.CREDENTIALS_INVALID, "no id")))
        after = status_of(
            resource(before), replace(EMPTY, failure=UserActionRequired(Reason.CREDENTIALS_INVALID, "no key"))
        )
        assert condition_of(after, ConditionType.READY)["message"] == "no key"


class TestTimesInWords:
    """A message isn't rewritten merely because time passes, but stays true."""

    @pytest.mark.parametrize(
        ("before", "now", "same"),
        [
            pytest.param("x; due within 5 min", "x; due within 5 min", True, id="the same"),
            pytest.param("x; due within 5 min", "x; due within 30 s", True, id="a bound that is still true"),
            pytest.param("x; due within 30 s", "x; due within 1 min", False, id="one that is no longer true"),
            pytest.param("x; due within 5 min", "y; due within 5 min", False, id="something else"),
            pytest.param("x", "x; due within 5 min", False, id="a bound for the first time"),
            pytest.param("until 2027-01-15T08:00:00Z", "until 2027-01-15T08:00:02Z", True, id="the same instant"),
            pytest.param("until 2027-01-15T08:00:00Z", "until 2027-01-15T08:00:03Z", False, id="a later one"),
            pytest.param("until 2027-01-15T08:00:09Z", "until 2027-01-15T08:00:00Z", False, id="an earlier one"),
            pytest.param("until 9999-99-99T99:99:99Z", "until 2027-01-15T08:00:00Z", False, id="not a time"),
        ],
    )
    def test_an_existing_message_is_kept_while_it_is_true(self, before: str, now: str, same: bool) -> None:
        """Otherwise ten thousand failing resources would write after each attempt."""
        old = status_of(resource(), replace(EMPTY, failure=Transient(Reason.ENDPOINT_ERROR, before)))
        new = status_of(resource(old), replace(EMPTY, failure=Transient(Reason.ENDPOINT_ERROR, now)))
        assert condition_of(new, ConditionType.READY)["message"] == (before if same else now)
        assert (merge_patch(old, new) == {}) is same

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [(0, "30 s"), (30, "30 s"), (31, "1 min"), (300, "5 min"), (301, "10 min"), (601, "15 min"), (9999, "15 min")],
    )
    def test_a_wait_is_reported_by_the_least_bound_that_covers_it(self, seconds: float, words: str) -> None:
        """There are few of them."""
        assert due_within(seconds) == f"due within {words}"


def _reworded(status: Status) -> Status:
    """The message as a version with entirely different wording would have written it."""
    conditions = [
        condition | {"message": f"in other words: {condition['message']}"} if condition["message"] else condition
        for condition in status["conditions"]
    ]
    return status | {"conditions": conditions}


class TestFields:
    """What `kubectl get` shows."""

    def test_the_current_token_is_shown_except_for_its_value(self) -> None:
        """Times are those of the Secret, in whole seconds."""
        status = status_of(resource(), GOOD)
        assert "t0k3n-value" not in str(status)
        assert {key: value for key, value in status.items() if key != "conditions"} == {
            "observedGeneration": 1,
            "targetName": "shop",
            "scope": ["read", "write"],
            "issueTime": "2027-01-15T08:00:00Z",
            "expirationTime": "2027-01-16T08:00:00Z",
            "renewalTime": "2027-01-16T03:12:00Z",
            "lifetimeSeconds": 86400,
        }

    @pytest.mark.parametrize("kind", list(ConditionType))
    @pytest.mark.parametrize("situation", [GOOD, EMPTY, replace(EMPTY, failure=DENIED)])
    def test_the_generation_is_always_observed(self, situation: Situation, kind: ConditionType) -> None:
        """In the status and in each of its conditions."""
        status = status_of(resource(generation=3), situation)
        assert status["observedGeneration"] == condition_of(status, kind)["observedGeneration"] == 3

    def test_the_target_is_the_one_before_a_renaming_until_the_secret_was_moved(self) -> None:
        """Otherwise the old Secret couldn't be found again."""
        assert status_of(resource(), replace(GOOD, target="before"))["targetName"] == "before"

    def test_a_renewal_request_is_reported_as_handled(self) -> None:
        """It is omitted if there never was one."""
        assert status_of(resource(), replace(GOOD, handled_renew_request="now"))["lastHandledRenewRequest"] == "now"
        assert "lastHandledRenewRequest" not in status_of(resource(), GOOD)


class TestChanges:
    """The merge patch between two statuses."""

    @pytest.mark.parametrize(
        ("before", "after", "patch"),
        [
            pytest.param({}, {}, {}, id="nothing from nothing"),
            pytest.param({"a": 1, "b": [1]}, {"a": 1, "b": [1]}, {}, id="nothing if nothing differs"),
            pytest.param({}, {"a": 1}, {"a": 1}, id="what is new"),
            pytest.param({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"b": 3}, id="only what differs"),
            pytest.param({"a": 1, "b": 2}, {"a": 1}, {"b": None}, id="null for what is gone"),
            pytest.param({"a": [1, 2]}, {"a": [2]}, {"a": [2]}, id="lists as a whole"),
        ],
    )
    def test_it_holds_what_differs_and_nothing_else(self, before: Status, after: Status, patch: Status) -> None:
        """As in RFC 7396."""
        assert merge_patch(before, after) == patch

    def test_a_token_that_is_gone_leaves_nothing_behind(self) -> None:
        """Otherwise its times would describe a token that doesn't exist."""
        before = status_of(resource(), GOOD)
        patch = merge_patch(before, status_of(resource(before), replace(EMPTY, failure=DENIED)))
        gone = {key for key, value in patch.items() if value is None}
        assert gone == {"scope", "issueTime", "expirationTime", "renewalTime", "lifetimeSeconds"}


class TestRollover:
    """What a renewal teaches about the rollover is reported with it, and stays until the next."""

    LATE = Rollover(low=60.5, high=68)
    IN_TIME = Rollover(low=2160.9, high=4320)

    @pytest.mark.parametrize(
        ("rollover", "condition", "lead"),
        [
            pytest.param(Rollover(), ("Unknown", "RolloverUnknown"), None, id="nothing is known at first"),
            pytest.param(LATE, ("True", "RolloverTooLate"), 60, id="a minute is too late"),
            pytest.param(IN_TIME, ("False", "RolloverInTime"), 2160, id="half an hour is in time, in whole seconds"),
            pytest.param(Rollover(low=-0.5, high=0), ("True", "RolloverTooLate"), -1, id="after expiry is negative"),
            pytest.param(Rollover(130, 260), ("Unknown", "RolloverUnknown"), 130, id="4 min may be within it or not"),
        ],
    )
    def test_a_renewal_reports_what_is_known(
        self, rollover: Rollover, condition: tuple[str, str], lead: int | None
    ) -> None:
        """In the RolloverTooLate condition and in rolloverLeadSeconds."""
        status = status_of(resource(), replace(GOOD, asked=True, renewed=True, rollover=rollover))
        assert told(status, ConditionType.ROLLOVER_TOO_LATE) == condition
        assert status.get("rolloverLeadSeconds") == lead

    def test_the_condition_says_how_late_and_what_to_do(self) -> None:
        """With the actual numbers."""
        status = status_of(resource(), replace(GOOD, renewed=True, rollover=self.LATE))
        message = condition_of(status, ConditionType.ROLLOVER_TOO_LATE)["message"]
        assert "60 s before the old one expires" in message
        assert "240 s or more before expiry" in message

    @pytest.mark.parametrize(
        ("rollover", "renewal"),
        [
            pytest.param(None, "2027-01-16T03:12:00Z", id="nothing is known: when the window opens"),
            pytest.param(Rollover(low=3600, high=3660), "2027-01-16T07:00:00Z", id="an hour before expiry"),
            pytest.param(Rollover(low=-0.5, high=0), "2027-01-16T08:00:00Z", id="just after expiry"),
        ],
    )
    def test_a_renewal_reports_when_the_next_token_is_expected(self, rollover: Rollover | None, renewal: str) -> None:
        """In the RENEWS column, based on what is known about the rollover."""
        status = status_of(resource(), replace(GOOD, asked=True, renewed=True, rollover=rollover))
        assert status["renewalTime"] == renewal

    def test_between_renewals_nothing_of_it_changes(self) -> None:
        """A poll that returns the same token writes nothing, whatever it teaches."""
        before = status_of(resource(), replace(GOOD, renewed=True, rollover=self.LATE))
        assert merge_patch(before, status_of(resource(before), GOOD)) == {}

    def test_an_unknown_reason_is_ignored(self) -> None:
        """It comes from another version, or was written by hand."""
        before = status_of(resource(), replace(GOOD, renewed=True, rollover=self.LATE))
        condition_of(before, ConditionType.ROLLOVER_TOO_LATE)["reason"] = "RolloverWobbly"  # type: ignore[index]
        after = status_of(resource(before), GOOD)
        assert told(after, ConditionType.ROLLOVER_TOO_LATE) == ("Unknown", "RolloverUnknown")

    def test_what_proved_wrong_goes_with_the_next_renewal(self) -> None:
        """A lead that is no longer known isn't shown; the condition stays until the new one is known."""
        before = status_of(resource(), replace(GOOD, renewed=True, rollover=self.LATE))
        after = status_of(resource(before), replace(GOOD, renewed=True, rollover=Rollover()))
        assert "rolloverLeadSeconds" not in after
        assert told(after, ConditionType.ROLLOVER_TOO_LATE) == ("True", "RolloverTooLate")
        after = status_of(resource(after), replace(GOOD, renewed=True, rollover=self.IN_TIME))
        assert told(after, ConditionType.ROLLOVER_TOO_LATE) == ("False", "RolloverInTime")


class TestConsumerDelay:
    """The consumers' delay, added to the kubelet's, decides whether a rollover is in time."""

    FIVE_MINUTES = Rollover(low=290, high=299)

    def of(self, lifetime: float) -> Situation:
        """A token that lives this many seconds, and has just been issued."""
        token = replace(STORED.token, issued=NOW, expires=NOW + lifetime)
        return replace(GOOD, stored=replace(STORED, token=token), expires=token.expires, renewed=True)

    @pytest.mark.parametrize(
        ("delay", "condition"),
        [
            ("0s", ("False", "RolloverInTime")),
            ("50s", ("False", "RolloverInTime")),
            ("1m", ("True", "RolloverTooLate")),
        ],
    )
    def test_four_minutes_and_as_much_as_they_need_are_in_time(self, delay: str, condition: tuple[str, str]) -> None:
        """Less is too late."""
        status = status_of(resource(delay=delay), replace(GOOD, renewed=True, rollover=self.FIVE_MINUTES))
        assert told(status, ConditionType.ROLLOVER_TOO_LATE) == condition

    def test_what_is_too_late_for_them_is_reported_with_its_numbers(self) -> None:
        """The lead, the kubelet's and the consumers' delay, and what would be enough."""
        status = status_of(resource(delay="1m"), replace(GOOD, renewed=True, rollover=self.FIVE_MINUTES))
        message = condition_of(status, ConditionType.ROLLOVER_TOO_LATE)["message"]
        assert "290 s before the old one expires" in message
        assert "up to 90 s later" in message
        assert "for another 60 s" in message
        assert "300 s or more before expiry" in message

    @pytest.mark.parametrize(
        ("lifetime", "delay", "reason"),
        [
            pytest.param(300, "1m", "RolloverInTime", id="half of 5 min is enough for both"),
            pytest.param(300, "61s", "ConsumerDelayTooLong", id="but not for a second more"),
            pytest.param(1380, "10m", "RolloverInTime", id="half of 23 min is enough for ten minutes"),
            pytest.param(1379, "10m", "ConsumerDelayTooLong", id="but not for a second more than these"),
            pytest.param(179, "1s", "LifetimeTooShort", id="under 3 min it is too short without them"),
            pytest.param(179, "0s", "LifetimeTooShort", id="and says so as usual"),
            pytest.param(200, "0s", "RolloverInTime", id="without a delay nothing is too long"),
        ],
    )
    def test_a_delay_that_no_window_covers_is_reported(self, lifetime: float, delay: str, reason: str) -> None:
        """The endpoint mints a token per request, so nothing is late."""
        situation = replace(self.of(lifetime), rollover=Rollover(low=lifetime / 2))
        status = status_of(resource(delay=delay), situation)
        assert told(status, ConditionType.ROLLOVER_TOO_LATE) == ("False", reason)

    def test_it_says_which_lifetime_would_do(self) -> None:
        """It also says what else helps."""
        situation = replace(self.of(300), rollover=Rollover(low=150))
        message = condition_of(status_of(resource(delay="2m"), situation), ConditionType.ROLLOVER_TOO_LATE)["message"]
        assert "for 120 s" in message
        assert "tokens have a lifetime of 300 s" in message
        assert "to 720 s or more" in message
        assert "mountRefresh.enabled" in message

    def test_the_first_token_proves_no_short_lifetime(self) -> None:
        """A cache may have held it for long."""
        status = status_of(resource(delay="10m"), self.of(300))
        assert told(status, ConditionType.ROLLOVER_TOO_LATE) == ("Unknown", "RolloverUnknown")

    def test_a_delay_that_is_specified_later_is_judged_at_once(self) -> None:
        """Against the known lead; the condition also goes at once when the delay is no longer too long."""
        outcome = replace(self.of(300), rollover=Rollover(low=150)).outcome(resource())
        before = build_status(outcome)
        outcome = outcome._replace(remembered=outcome.remembered._replace(status_pending=False))

        def after(delay: str, status: Status, generation: int) -> Status:
            integration = resource(status, delay=delay, generation=generation)
            return build_status(outcome._replace(observation=outcome.observation._replace(integration=integration)))

        assert told(before, ConditionType.ROLLOVER_TOO_LATE) == ("False", "RolloverInTime")
        # Nothing is written as long as the spec stays the same.
        assert told(after("2m", before, 1), ConditionType.ROLLOVER_TOO_LATE) == ("False", "RolloverInTime")
        longer = after("2m", before, 2)
        assert told(longer, ConditionType.ROLLOVER_TOO_LATE) == ("False", "ConsumerDelayTooLong")
        assert told(after("2m", longer, 2), ConditionType.ROLLOVER_TOO_LATE) == ("False", "ConsumerDelayTooLong")
        assert told(after("1m", longer, 3), ConditionType.ROLLOVER_TOO_LATE) == ("False", "RolloverInTime")
        assert told(after("0s", longer, 3), ConditionType.ROLLOVER_TOO_LATE) == ("Unknown", "RolloverUnknown")


def test_an_ordinary_resource_is_small_enough_to_be_kept() -> None:
    """With its whole status, which grows with each condition: otherwise its first pass reads it from the API server."""
    assert resource(status_of(resource(), replace(GOOD, asked=True, renewed=True))).small
