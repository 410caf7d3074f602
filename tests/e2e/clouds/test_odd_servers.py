"""A server that stalls, lies or sends elsewhere, at each step: one line within the deadline, nothing followed, nothing quoted."""
import pytest

import steps
from box.web import Reply

HTML = Reply(200, "<html>Please log in to the hotel's network</html>", {"Content-Type": "text/html"})


def get(box, helper, step, odd, **variables):
    host, lay, fake, machine = steps.EVERY[step]
    helper.machine = {"BOX_DMI": machine}
    laid = lay(box, helper.home)
    box.instead[fake] = odd
    return fake, helper.get(host, **laid, **variables)


@pytest.mark.parametrize("step", steps.EVERY)
def test_one_that_says_nothing(box, helper, step):
    _, answer = get(box, helper, step, box.stall, KUBECLARITY_TIMEOUT="1")
    answer.failed()
    assert answer.seconds < 2, answer.seconds


@pytest.mark.parametrize("step", steps.EVERY)
def test_a_page_instead_of_an_answer(box, helper, step):
    fake, answer = get(box, helper, step, HTML, KUBECLARITY_TIMEOUT="3")
    assert "hotel" not in answer.failed() and answer.seconds < 4, answer


@pytest.mark.parametrize("step", steps.EVERY)
def test_the_user_may_want_to_go_on_without(box, helper, step):
    fake, answer = get(box, helper, step, Reply(403, {"error": "access_denied"}), KUBECLARITY_ON_ERROR="anonymous")
    answer.not_found()
    assert box.asked(fake), box.story()


@pytest.mark.parametrize("step", steps.OURS)
def test_garbage_is_not_asked_for_again(box, helper, step):
    fake, answer = get(box, helper, step, HTML)
    answer.failed()
    assert len(box.asked(fake)) == 1, box.story()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("step", steps.EVERY)
def test_a_redirect_is_not_followed(box, helper, step, status):
    fake, answer = get(box, helper, step, Reply(status, "", {"Location": "https://evil.example/"}), KUBECLARITY_TIMEOUT="3")
    answer.failed()
    assert box.asked(fake) and not box.dns.asked and not box.strays, box.story()


@pytest.mark.parametrize("step", steps.OURS)
def test_a_redirect_to_another_server_of_the_cloud_is_not_followed(box, helper, step):
    """Even to a name that answers: what was sent was meant for the one that was asked."""
    other = "oauth2.googleapis.com" if steps.EVERY[step][0] == steps.ACR else "login.microsoftonline.com"
    fake, answer = get(box, helper, step, Reply(307, "", {"Location": f"https://{other}/"}))
    answer.failed()
    assert other not in {r.host for r in box.requests}, box.story()


@pytest.mark.parametrize("body", ["{}", "[]", "null", '{"access_token":""}', '{"access_token":null}', '{"refresh_token":7}', '{"access_token":"x\\r\\ny","expires_in":"soon"}'])
@pytest.mark.parametrize("step", [s for s in steps.OURS if s != "google subject url"])
def test_json_without_what_was_asked_for(box, helper, step, body):
    fake, answer = get(box, helper, step, Reply(200, body, {"Content-Type": "application/json"}), KUBECLARITY_TIMEOUT="3")
    answer.failed()


@pytest.mark.parametrize("step", steps.OURS)
def test_an_endless_body_is_cut(box, helper, step):
    fake, answer = get(box, helper, step, Reply(200, '{"access_token":"' + "a" * 30_000_000 + '","expires_in":3599,"token_type":"Bearer","refresh_token":"b"}'))
    answer.failed()
    assert answer.seconds < 5, answer.seconds


@pytest.mark.parametrize("step", steps.EVERY)
def test_a_refusal_is_not_tried_again(box, helper, step):
    fake, answer = get(box, helper, step, Reply(403, {"message": "no", "error": "access_denied", "error_description": "no"}))
    answer.failed()
    assert len(box.asked(fake)) == 1, box.story()


@pytest.mark.parametrize("step", steps.EVERY)
def test_a_server_that_is_down_for_a_moment_is_asked_again(box, helper, step):
    times = []

    def down_once(request):
        times.append(request)
        return Reply(503, "") if len(times) == 1 else None
    fake, answer = get(box, helper, step, down_once)
    answer.found()
    assert len(times) >= 2, box.story()


@pytest.mark.parametrize("step", steps.OURS)
def test_it_waits_as_long_as_a_throttling_server_says(box, helper, step):
    times = []

    def throttled_once(request):
        times.append(request)
        return Reply(429, "", {"Retry-After": "2"}) if len(times) == 1 else None
    fake, answer = get(box, helper, step, throttled_once)
    answer.found()
    assert 2 <= answer.seconds < 5, (answer.seconds, box.story())


@pytest.mark.parametrize("step", steps.EVERY)
def test_a_server_that_stays_down_ends_at_the_deadline(box, helper, step):
    fake, answer = get(box, helper, step, Reply(503, ""), KUBECLARITY_TIMEOUT="3")
    answer.failed()
    assert answer.seconds < 4, answer.seconds
    assert 2 <= len(box.asked(fake)) <= 12, f"back-off\n{box.story()}"
