// The page asks once which conversations there are; from then on the badges are on their own.
const count = Number(new URLSearchParams(location.search).get("count") ?? 16);
const page = async (after) => {
  const query = `query Newest($first: Int!, $after: String) {
    conversations(first: $first, after: $after) { nodes { conversationId } pageInfo { endCursor hasNextPage } }
  }`;
  const answer = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables: { first: Math.min(count, 200), after } }),
  });
  return (await answer.json()).data.conversations;
};

const ids = [];
for (let after = null, more = true; more && ids.length < count; ) {
  const { nodes, pageInfo } = await page(after);
  ids.push(...nodes.map(({ conversationId }) => conversationId));
  more = pageInfo.hasNextPage;
  after = pageInfo.endCursor;
}

const show = (list, id, attributes = {}) => {
  const badge = document.createElement("dcm-conversation-badge");
  badge.setAttribute("conversation-id", id);
  for (const [name, value] of Object.entries(attributes)) badge.setAttribute(name, value);
  const item = document.createElement("li");
  item.append(badge);
  list.append(item);
};
for (const id of ids.slice(0, count)) show(document.getElementById("badges"), id);
for (const id of ids.slice(0, 5)) show(document.getElementById("own"), id, { "no-time": "" });
if (ids[0]) document.getElementById("example-id").textContent = ids[0];
