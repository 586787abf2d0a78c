import type { ConversationDetailFragment } from "../gql/graphql";
import { Icon } from "../icons/Icon";
import { statuses } from "../status/statuses";
import { useNow } from "../time/clock";
import { clockTime, duration } from "../time/format";
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
    <section className="scroll-x" aria-label="Status history" tabIndex={0}>
      <table className="plain-table">
        <caption className="visually-hidden">Status history</caption>
        <thead>
          <tr>
            <th scope="col">At</th>
            <th scope="col">Status</th>
            <th scope="col">With</th>
            <th scope="col" className="number">
              For
            </th>
          </tr>
        </thead>
        <tbody>
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
        </tbody>
      </table>
    </section>
  );
}
