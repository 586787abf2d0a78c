import type { CSSProperties } from "react";
import type { ConversationDetailFragment } from "../gql/graphql";
import { Icon } from "../icons/Icon";
import type { IconName } from "../icons/paths";
import { statuses } from "../status/statuses";
import { useNow } from "../time/clock";
import { clockTime, duration } from "../time/format";
import {
  isQueue,
  isStaff,
  type Lane,
  lanesOf,
  type Participant,
  type Stretch,
  spanOf,
  stretchesOf,
} from "./timeline";

interface Span {
  from: number;
  to: number;
}

const iso = (at: number) => new Date(at).toISOString();

/** A conversation's life as a band of statuses, with everybody's time in it below. */
export function Timeline({ conversation }: { conversation: ConversationDetailFragment }) {
  const now = useNow();
  const stretches = stretchesOf(conversation, now);
  const lanes = lanesOf(conversation, now);
  if (stretches.length === 0) return null;
  const span = spanOf(stretches, lanes);
  const length = duration(span.to - span.from);
  return (
    <figure className="timeline">
      <figcaption className="timeline-scale">
        <time dateTime={iso(span.from)}>{clockTime(iso(span.from))}</time>
        <span>{length}</span>
        <time dateTime={iso(span.to)}>
          {conversation.calculatedStatus === "ENDED" ? clockTime(iso(span.to)) : "now"}
        </time>
      </figcaption>
      <div
        className="band"
        role="img"
        aria-label={`Statuses over ${length}: ${inWords(stretches)}`}
      >
        {stretches
          .filter(({ from, to }) => to > from)
          .map((stretch) => (
            <StretchBar key={stretch.number} stretch={stretch} span={span} />
          ))}
      </div>
      <ul className="lanes" aria-label="Who had it">
        {lanes.map((lane) => (
          <LaneBar key={lane.id} lane={lane} span={span} />
        ))}
      </ul>
    </figure>
  );
}

const inWords = (stretches: readonly Stretch[]) =>
  stretches
    .map(({ status, from, to }) => `${statuses[status].label} ${duration(to - from)}`)
    .join(", ");

function placed(from: number, to: number, span: Span): CSSProperties {
  const all = span.to - span.from;
  return {
    left: `${((from - span.from) / all) * 100}%`,
    width: `${((to - from) / all) * 100}%`,
  };
}

function StretchBar({ stretch, span }: { stretch: Stretch; span: Span }) {
  const { status, from, to, who } = stretch;
  const look = statuses[status];
  const words = `${look.label}, ${duration(to - from)}${who.length ? `, ${who.join(", ")}` : ""}`;
  return (
    <span
      className={`stretch stretch-${status.toLowerCase()} tone-${look.tone}`}
      style={placed(from, to, span)}
      title={words}
    >
      <Icon name={look.icon} size={14} />
      <span className="stretch-label">{look.label}</span>
    </span>
  );
}

function LaneBar({ lane, span }: { lane: Lane; span: Span }) {
  const { participant, from, to, connected } = lane;
  const staff = isStaff(participant);
  const rung = connected === null ? to : connected;
  return (
    <li className="lane">
      <span className="lane-name">
        <Icon name={iconOf(participant)} size={14} />
        {lane.name}
        {participant.consulted && <span className="lane-note">consulted</span>}
      </span>
      <span className="lane-track" aria-hidden="true">
        {rung > from && <span className="lane-bar lane-rung" style={placed(from, rung, span)} />}
        {connected !== null && (
          <span
            className={`lane-bar ${staff ? "lane-staff" : "lane-system"}`}
            style={placed(connected, to, span)}
          />
        )}
      </span>
      <span className="lane-time">
        {connected === null ? `rang ${duration(to - from)}` : duration(to - connected)}
        {participant.active && <span className="visually-hidden"> so far</span>}
      </span>
    </li>
  );
}

function iconOf(participant: Participant): IconName {
  if (isStaff(participant)) return "person";
  if (participant.purpose !== "SYSTEM") return "out";
  if (isQueue(participant)) return "queue";
  return participant.purposeName.toLowerCase() === "voicemail" ? "voicemail" : "flow";
}
