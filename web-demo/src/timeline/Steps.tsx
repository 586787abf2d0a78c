import type { ConversationDetailFragment } from "../gql/graphql";
import { Icon } from "../icons/Icon";
import { statuses } from "../status/statuses";
import { useNow } from "../time/clock";
import { clockTime, duration } from "../time/format";
import { PlainTable } from "./PlainTable";
import { stretchesOf } from "./timeline";

const causes: Record<string, string> = {
  REGISTERED: "registered",
  LINKED: "linked",
  CLOSED: "after a close",
  REFRESHED: "after a refresh",
  RECONCILED: "found out afterwards",
  REOPENED: "reopened",
  ENRICHED: "corrected",
};

/** The same as the band, to be read. */
export function Steps({ conversation }: { conversation: ConversationDetailFragment }) {
  const stretches = stretchesOf(conversation, useNow());
  return (
    <PlainTable label="Status history" columns={["At", "Status", "With"]} numbers={["For"]}>
      {stretches.map(({ number, status, from, to, who, cause, gapBefore }) => (
        <tr key={number}>
          <td className="time">{clockTime(new Date(from).toISOString())}</td>
          <td>
            <span className={`step-status tone-${statuses[status].tone}`}>
              <Icon name={statuses[status].icon} size={14} />
              {statuses[status].label}
            </span>
            {causes[cause] && <span className="note">{causes[cause]}</span>}
            {gapBefore && <span className="note">there may have been more before</span>}
          </td>
          <td>{who.join(", ") || "–"}</td>
          <td className="number">{status === "ENDED" ? "–" : duration(to - from)}</td>
        </tr>
      ))}
    </PlainTable>
  );
}
