import { ConversationBadge } from "./element";

const name = "dcm-conversation-badge";
// Two copies of this file on one page share the first one's element.
if (!customElements.get(name)) customElements.define(name, ConversationBadge);
