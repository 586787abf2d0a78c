import type { ConversationRowFragment } from "../gql/graphql";
import { Icon } from "../icons/Icon";

export function OwnerName({ owner }: { owner: ConversationRowFragment["owner"] | null }) {
  if (!owner) return <None />;
  return (
    <span className="owner">
      <Icon name={owner.kind === "TEAM" ? "team" : "person"} />
      <span>
        <span className="visually-hidden">{owner.kind === "TEAM" ? "Team " : "Agent "}</span>
        {owner.name ?? owner.ownerId}
      </span>
    </span>
  );
}

export function None() {
  return (
    <>
      <span className="none" aria-hidden="true">
        –
      </span>
      <span className="visually-hidden">none</span>
    </>
  );
}
