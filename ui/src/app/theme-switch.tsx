import { Contrast, Monitor, Moon, Sun } from "lucide-react";
import { ToggleGroup } from "radix-ui";
import { type ThemeChoice, useTheme } from "./theme";

const CHOICES = [
  { value: "system", label: "As the system", icon: Monitor },
  { value: "light", label: "Light", icon: Sun },
  { value: "dark", label: "Dark", icon: Moon },
  { value: "contrast", label: "Control room (high contrast)", icon: Contrast },
] as const;

export function ThemeSwitch() {
  const [choice, setChoice] = useTheme();
  return (
    <ToggleGroup.Root
      type="single"
      aria-label="Theme"
      value={choice}
      onValueChange={(value) => value && setChoice(value as ThemeChoice)}
      className="flex flex-col gap-0.5 rounded-md bg-mute-soft p-0.5 wide:flex-row"
    >
      {CHOICES.map(({ value, label, icon: Icon }) => (
        <ToggleGroup.Item
          key={value}
          value={value}
          aria-label={label}
          title={label}
          className="flex h-7 items-center wide:h-6 wide:flex-1 justify-center rounded text-ink-3 hover:text-ink data-[state=on]:bg-surface data-[state=on]:text-ink data-[state=on]:shadow-card"
        >
          <Icon aria-hidden className="size-3.5" />
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  );
}
