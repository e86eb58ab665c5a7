import { clsx } from "clsx";
import { Contrast, Monitor, Moon, Sun } from "lucide-react";
import { ToggleGroup } from "radix-ui";
import { type ThemeChoice, useTheme } from "./theme";

const CHOICES = [
  { value: "system", label: "As the system", icon: Monitor },
  { value: "light", label: "Light", icon: Sun },
  { value: "dark", label: "Dark", icon: Moon },
  { value: "contrast", label: "Control room (high contrast)", icon: Contrast },
] as const;

/** `row`: beside each other, however narrow the window is. */
export function ThemeSwitch({ row = false }: { row?: boolean }) {
  const [choice, setChoice] = useTheme();
  return (
    <ToggleGroup.Root
      type="single"
      aria-label="Theme"
      value={choice}
      onValueChange={(value) => value && setChoice(value as ThemeChoice)}
      className={clsx(
        "flex gap-0.5 rounded-md bg-mute-soft p-0.5",
        row ? "flex-row" : "flex-col wide:flex-row",
      )}
    >
      {CHOICES.map(({ value, label, icon: Icon }) => (
        <ToggleGroup.Item
          key={value}
          value={value}
          aria-label={label}
          title={label}
          className={clsx(
            "flex h-7 items-center wide:h-6 wide:flex-1 justify-center rounded text-ink-3 hover:text-ink data-[state=on]:bg-surface data-[state=on]:text-ink data-[state=on]:shadow-card",
            row && "flex-1",
          )}
        >
          <Icon aria-hidden className="size-3.5" />
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  );
}
