"""What a client does with Genesys, done with Genesys' Python SDK against the simulator."""

import json
import os
import re
import subprocess
import time
import unittest
import urllib.request
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

import PureCloudPlatformClientV2 as genesys
import websocket
from PureCloudPlatformClientV2.rest import ApiException

ADDRESS = re.compile(r"Genesys simulator: (http://\S+)")


def eventually(what, look, patience=30.0):
    """Waits until `look` gives something."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        seen = look()
        if seen:
            return seen
        time.sleep(0.05)
    raise AssertionError(f"waited in vain until {what}")


class Sdk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        command = [os.environ["GATEWAY_BIN"], "simulate", "--port", "0", "--analytics-lag", "100ms"]
        cls.simulator = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls.stop)
        cls.url = ADDRESS.search(cls.simulator.stdout.readline()).group(1)
        parts = urlsplit(cls.url)
        # The host is all that differs from Genesys Cloud.
        genesys.configuration.gateway_configuration = genesys.GatewayConfiguration(
            host=parts.hostname, protocol="http", port=parts.port
        )
        client = genesys.api_client.ApiClient()
        cls.client = client.get_client_credentials_token("simulator-client", "simulator-secret")
        cls.routing = genesys.RoutingApi(cls.client)
        cls.conversations = genesys.ConversationsApi(cls.client)
        cls.notifications = genesys.NotificationsApi(cls.client)
        cls.analytics = genesys.AnalyticsApi(cls.client)

    @classmethod
    def stop(cls):
        cls.simulator.terminate()
        cls.simulator.wait(10)
        cls.simulator.stdout.close()

    def step(self, conversation, **step):
        request = urllib.request.Request(
            f"{self.url}/sim/conversations/{conversation}/steps", json.dumps(step).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            self.assertEqual(answer.status, 200)

    def test_queues_are_read_page_by_page(self):
        ids, number = set(), 1
        while True:
            page = self.routing.get_routing_queues(page_number=number, page_size=4)
            ids.update(queue.id for queue in page.entities)
            if number >= page.page_count:
                break
            number += 1
        self.assertEqual(len(ids), page.total)
        self.assertEqual(len(ids), 6)

    def test_an_email_is_created_heard_of_read_wrapped_up_disconnected_and_analysed(self):
        queue = self.routing.get_routing_queues(page_size=1).entities[0]
        channel = self.notifications.post_notifications_channels()
        topic = f"v2.routing.queues.{queue.id}.conversations"
        wanted = genesys.ChannelTopic()
        wanted.id = topic
        subscribed = self.notifications.post_notifications_channel_subscriptions(channel.id, [wanted])
        self.assertEqual([entity.id for entity in subscribed.entities], [topic])

        socket = websocket.create_connection(channel.connect_uri, timeout=10)
        self.addCleanup(socket.close)
        email = genesys.CreateEmailRequest()
        email.queue_id, email.provider, email.direction = queue.id, "DCM", "INBOUND"
        email.subject, email.from_address, email.to_address = "Case C-7", "dcm@example.com", "cases@example.com"
        conversation = self.conversations.post_conversations_emails(email).id
        heard = lambda: json.loads(socket.recv())
        told = eventually(
            "the queue's notification",
            lambda: (lambda frame: frame if frame["topicName"] == topic else None)(heard()),
        )
        self.assertEqual(told["eventBody"]["id"], conversation)

        read = self.conversations.get_conversation(conversation)
        self.assertEqual([one.purpose for one in read.participants], ["customer", "acd"])
        self.step(conversation, step="offer")
        self.step(conversation, step="answer")
        whole = self.conversations.get_conversations_email(conversation)
        agent = next(one for one in whole.participants if one.purpose == "agent")
        self.assertEqual(agent.state, "connected")
        code = self.routing.get_routing_queue_wrapupcodes(queue.id).entities[0]
        change = genesys.MediaParticipantRequest()
        change.wrapup = genesys.WrapupInput()
        change.wrapup.code = code.id
        self.conversations.patch_conversations_email_participant(conversation, agent.id, change)
        change = genesys.MediaParticipantRequest()
        change.state = "disconnected"
        self.conversations.patch_conversations_email_participant(conversation, agent.id, change)
        wrapup = self.conversations.get_conversations_email_participant_wrapup(conversation, agent.id)
        self.assertEqual(wrapup.code, code.id)
        self.conversations.post_conversation_disconnect(conversation)
        self.assertIsNotNone(self.conversations.get_conversation(conversation).end_time)
        self.check_analysed(conversation, queue.id)

    def check_analysed(self, conversation, queue):
        now = datetime.now(timezone.utc)
        moment = lambda shift: (now + timedelta(hours=shift)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        predicate = genesys.SegmentDetailQueryPredicate()
        predicate.dimension, predicate.value = "queueId", queue
        queue_is = genesys.SegmentDetailQueryFilter()
        queue_is.type, queue_is.predicates = "and", [predicate]
        query = genesys.ConversationQuery()
        query.interval, query.segment_filters = f"{moment(-1)}/{moment(1)}", [queue_is]

        def analysed():
            answer = self.analytics.post_analytics_conversations_details_query(query)
            found = [one for one in answer.conversations or [] if one.conversation_id == conversation]
            return found[0] if found and found[0].conversation_end else None

        details = eventually("analytics know its end", analysed)
        self.assertEqual(details.originating_direction, "inbound")
        self.assertEqual(details.participants[0].sessions[0].media_type, "email")

    def test_genesys_own_errors_reach_the_caller_as_the_sdks_errors(self):
        with self.assertRaises(ApiException) as caught:
            self.conversations.get_conversation("00000000-0000-4000-8000-000000000000")
        self.assertEqual(caught.exception.status, 404)


if __name__ == "__main__":
    unittest.main()
