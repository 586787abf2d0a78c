import { useEffect } from "react";

/** What the window is called while the page is open. */
export function usePageTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · Conversation Gateway`;
  }, [title]);
}
