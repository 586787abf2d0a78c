import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { conversationsWhere } from "../conversations/operations";
import { useLiveList } from "../conversations/useLiveList";
import { shortId } from "../conversations/words";
import { feedWords } from "../feed/FeedIndicator";
import type { FeedHealth } from "../feed/useFeedHealth";
import type { ConversationRowFragment } from "../gql/graphql";
import { Icon } from "../icons/Icon";
import { StatusBadge } from "../status/StatusBadge";
import { beginnings, faults, type Play, playsIn } from "./plays";
import { Simulator } from "./simulator";

interface Props {
  health: FeedHealth;
  onClose: () => void;
}

const storage = "simulator-conversations";
const kept = 8;

/** Plays Genesys by hand: begins conversations, moves them on, breaks the line. For the demo only. */
export default function SimulatorDrawer({ health, onClose }: Props) {
  const [simulator, setSimulator] = useState<Simulator | null | undefined>(undefined);
  const [said, setSaid] = useState<{ words: string; bad: boolean } | null>(null);
  const [started, setStarted] = useStarted();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus();
    Simulator.find().then(setSimulator, () => setSimulator(null));
  }, []);
  const closeOnEscape = ({ key }: KeyboardEvent) => {
    if (key === "Escape") onClose();
  };

  const act = async (words: string, work: () => Promise<unknown>) => {
    try {
      await work();
      setSaid({ words, bad: false });
    } catch (cause) {
      setSaid({ words: cause instanceof Error ? cause.message : String(cause), bad: true });
    }
  };

  return (
    <aside className="drawer" aria-labelledby="drawer-title" onKeyDown={closeOnEscape}>
      <header className="drawer-head">
        <h2 id="drawer-title" ref={heading} tabIndex={-1}>
          Simulator
        </h2>
        <button
          type="button"
          className="icon-button"
          aria-label="Close the simulator"
          onClick={onClose}
        >
          <Icon name="close" size={18} />
        </button>
      </header>
      <p className="drawer-lead">You play Genesys. The page hears of it from the gateway alone.</p>
      {simulator === null && <p className="notice notice-bad">No simulator answers here.</p>}
      {simulator && (
        <>
          <section aria-labelledby="drawer-start">
            <h3 id="drawer-start">Begin a conversation</h3>
            <div className="drawer-buttons">
              {beginnings.map(({ media, words, icon, first }) => (
                <button
                  key={media}
                  type="button"
                  className="button"
                  onClick={() =>
                    act(`${words} begun.`, async () => {
                      const id = await simulator.start(media);
                      setStarted([id, ...started].slice(0, kept));
                      await simulator.step(id, first.step, first.more);
                    })
                  }
                >
                  <Icon name={icon} size={14} /> {words}
                </button>
              ))}
            </div>
          </section>
          {started.length > 0 && (
            <Started
              ids={started}
              onPlay={(id, play) =>
                act(`${play.words}: done.`, () => simulator.step(id, play.step, play.more))
              }
            />
          )}
          <section aria-labelledby="drawer-faults">
            <h3 id="drawer-faults">Break the feed</h3>
            <p className={`drawer-feed feed-${health.state}`}>
              <span className="feed-dot" aria-hidden="true" /> {feedWords(health)}
            </p>
            <div className="drawer-buttons">
              {faults.map(({ words, detail, fault }) => (
                <button
                  key={words}
                  type="button"
                  className="button"
                  onClick={() => act(`${words}: ordered.`, () => simulator.fault(fault))}
                >
                  {words} <span className="note">{detail}</span>
                </button>
              ))}
              <button
                type="button"
                className="button button-main"
                onClick={() => act("All faults lifted.", () => simulator.heal())}
              >
                Heal now
              </button>
            </div>
          </section>
        </>
      )}
      <p role="status" className={said?.bad ? "drawer-said drawer-refused" : "drawer-said"}>
        {said?.words}
      </p>
    </aside>
  );
}

function useStarted(): [string[], (ids: string[]) => void] {
  const [ids, setIds] = useState<string[]>(() =>
    JSON.parse(sessionStorage.getItem(storage) ?? "[]"),
  );
  const keep = (next: string[]) => {
    sessionStorage.setItem(storage, JSON.stringify(next));
    setIds(next);
  };
  return [ids, keep];
}

interface StartedProps {
  ids: string[];
  onPlay: (conversationId: string, play: Play) => void;
}

function Started({ ids, onPlay }: StartedProps) {
  const source = useMemo(() => conversationsWhere({ conversationIds: ids }), [ids]);
  const { rows } = useLiveList(source);
  return (
    <section aria-labelledby="drawer-step">
      <h3 id="drawer-step">Move it on</h3>
      <ul className="drawer-list">
        {rows.map((row) => (
          <StartedOne key={row.conversationId} row={row} onPlay={onPlay} />
        ))}
      </ul>
    </section>
  );
}

function StartedOne({
  row,
  onPlay,
}: {
  row: ConversationRowFragment;
  onPlay: StartedProps["onPlay"];
}) {
  const { conversationId, calculatedStatus, statusSince } = row;
  const plays = playsIn(calculatedStatus, row.activeMediaType ?? row.originalMediaType ?? null);
  const item = useRef<HTMLLIElement>(null);
  const played = useRef(false);
  // The button that was pressed may be gone in the next status, and the focus with it.
  useEffect(() => {
    const lost = played.current && document.activeElement === document.body;
    if (lost) item.current?.querySelector<HTMLElement>("button, a")?.focus();
    played.current = false;
  }, [calculatedStatus]);
  return (
    <li className="drawer-item" data-started={conversationId} ref={item}>
      <div className="drawer-item-head">
        <StatusBadge status={calculatedStatus} since={statusSince} />
        <Link href={`/conversations/${conversationId}`} className="conversation-link">
          <code>{shortId(conversationId)}</code>
        </Link>
      </div>
      <div className="drawer-buttons">
        {plays.map((play) => (
          <button
            key={play.words}
            type="button"
            className="button button-small"
            onClick={() => {
              played.current = true;
              onPlay(conversationId, play);
            }}
          >
            {play.words}
          </button>
        ))}
      </div>
    </li>
  );
}
