const two = (value: number) => String(value).padStart(2, "0");

/** `0:07`, `12:40`, `3:05:09`, `2 d 4 h`; a moment that lies ahead counts as now. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours >= 24) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  if (hours > 0) return `${hours}:${two(minutes % 60)}:${two(seconds % 60)}`;
  return `${minutes}:${two(seconds % 60)}`;
}

/** For a machine-readable `datetime` of a length of time: `PT127S`. */
export function isoDuration(ms: number): string {
  return `PT${Math.max(0, Math.floor(ms / 1000))}S`;
}

const clockFormat = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const shortFormat = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const dayFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** `14:02:11` */
export function clockTime(at: string): string {
  return clockFormat.format(new Date(at));
}

/** `14:02` of today, `3 Nov 14:02` of another day. */
export function dayTime(at: string, now: number): string {
  const date = new Date(at);
  const time = shortFormat.format(date);
  const today = date.toDateString() === new Date(now).toDateString();
  return today ? time : `${dayFormat.format(date)}, ${time}`;
}
