import { Icon } from "../icons/Icon";
import { useNow } from "../time/clock";
import { clockTime } from "../time/format";
import { feedWords, recoveredWords } from "./FeedIndicator";
import type { FeedHealth } from "./useFeedHealth";

/** How long the page says that it is whole again. */
const reassureMs = 15_000;

export function FeedBanner({ health }: { health: FeedHealth }) {
  const banner = useBanner(health);
  return (
    <div role="status" className="banner-place">
      {banner && (
        <p className={`banner banner-${banner.kind}`}>
          <Icon name={banner.kind === "good" ? "check" : "warning"} />
          <span>
            <strong>{banner.title}</strong> {banner.text}
          </span>
        </p>
      )}
    </div>
  );
}

function useBanner(health: FeedHealth) {
  const now = useNow();
  const { state, broken, link } = health;
  if (state === "stale") {
    const text =
      broken === "gateway"
        ? "No line to the gateway. This page reconnects by itself and asks for what it missed."
        : "The gateway cannot hear Genesys. Statuses may be out of date until it can.";
    return { kind: "bad", title: `${feedWords(health)}.`, text } as const;
  }
  if (state === "catching-up") {
    const text = "The gateway is asking Genesys what happened while it could not hear.";
    return { kind: "warn", title: `${feedWords(health)}.`, text } as const;
  }
  if (link.reconnectedAt !== null && now - link.reconnectedAt < reassureMs) {
    const at = clockTime(new Date(link.reconnectedAt).toISOString());
    return {
      kind: "good",
      title: `Reconnected at ${at}:`,
      text: `${recoveredWords(link.recovered)}.`,
    } as const;
  }
  return null;
}
