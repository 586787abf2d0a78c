import { useEffect, useState } from "react";
import { ToggleButton } from "react-aria-components";
import { Icon } from "../icons/Icon";

const key = "theme";
const prefersDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

export function ThemeToggle() {
  const [theme, setTheme] = useState(() => localStorage.getItem(key));
  const dark = theme ? theme === "dark" : prefersDark();
  useEffect(() => {
    if (theme) document.documentElement.style.colorScheme = theme;
  }, [theme]);
  return (
    <ToggleButton
      className="icon-button"
      aria-label="Dark colours"
      isSelected={dark}
      onChange={(selected) => {
        const chosen = selected ? "dark" : "light";
        localStorage.setItem(key, chosen);
        setTheme(chosen);
      }}
    >
      <Icon name={dark ? "moon" : "sun"} size={18} />
    </ToggleButton>
  );
}
