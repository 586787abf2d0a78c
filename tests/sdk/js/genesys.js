// Genesys' own SDK, pointed at another host and otherwise as it comes.
import platform from "purecloud-platform-client-v2";

export async function signIn(url) {
  const { hostname, port } = new URL(url);
  const client = platform.ApiClient.instance;
  client.config.setGateway({ host: hostname, protocol: "http", port: Number(port) });
  await client.loginClientCredentialsGrant("simulator-client", "simulator-secret");
  return {
    analytics: new platform.AnalyticsApi(),
    conversations: new platform.ConversationsApi(),
    notifications: new platform.NotificationsApi(),
    routing: new platform.RoutingApi(),
  };
}

/** Creates an e-mail as a case management system does: an object of its own, routed by Genesys. */
export function createEmail(conversations, queueId) {
  return conversations.postConversationsEmails({
    queueId,
    provider: "DCM",
    direction: "INBOUND",
    toAddress: "cases@example.com",
    fromAddress: "dcm@example.com",
    fromName: "DCM",
    subject: "Case C-7",
    attributes: { caseId: "case-7" },
  });
}
