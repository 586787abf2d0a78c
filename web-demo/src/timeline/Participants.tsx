import type { ConversationDetailFragment } from "../gql/graphql";
import { clockTime, duration } from "../time/format";
import { PlainTable } from "./PlainTable";
import { kindOf, nameOf, type Participant } from "./timeline";

/** Everybody who took part, with their times as Genesys gives them. */
export function Participants({ conversation }: { conversation: ConversationDetailFragment }) {
  return (
    <PlainTable
      label="Participants"
      columns={["Participant", "Connected", "Left"]}
      numbers={["Rang", "Talk", "Hold", "Wrap-up"]}
    >
      {conversation.participants.map((each) => (
        <Row key={each.id} participant={each} />
      ))}
    </PlainTable>
  );
}

function Row({ participant }: { participant: Participant }) {
  const { purpose, active, connectedTime, endTime, wrapUpName } = participant;
  const { alertSeconds, talkSeconds, holdSeconds, acwSeconds } = participant;
  const kind = kindOf(participant);
  const name = purpose === "CUSTOMER" ? kind : nameOf(participant);
  return (
    <tr>
      <td>
        {name}
        {name !== kind && <span className="note">{kind}</span>}
      </td>
      <td className="time">{connectedTime ? clockTime(connectedTime) : "–"}</td>
      <td className="time">{endTime ? clockTime(endTime) : active ? "still there" : "–"}</td>
      <td className="number">{seconds(alertSeconds)}</td>
      <td className="number">{seconds(talkSeconds)}</td>
      <td className="number">{seconds(holdSeconds)}</td>
      <td className="number">
        {seconds(acwSeconds)}
        {wrapUpName && <span className="note">{wrapUpName}</span>}
      </td>
    </tr>
  );
}

const seconds = (value: number) => (value > 0 ? duration(value * 1000) : "–");
