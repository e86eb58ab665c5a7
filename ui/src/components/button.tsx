import { clsx } from "clsx";
import type { LucideIcon } from "lucide-react";
import type { ComponentProps } from "react";

interface ButtonProps extends ComponentProps<"button"> {
  icon?: LucideIcon;
  pressed?: boolean;
  /** The one thing to do on a screen. */
  primary?: boolean;
}

export function Button({
  icon: Icon,
  pressed,
  primary,
  className,
  children,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      aria-pressed={pressed}
      className={clsx(
        "inline-flex h-8 items-center gap-1.5 rounded-md border px-2.5 text-sm font-medium",
        primary
          ? "justify-center border-accent bg-accent text-accent-ink hover:opacity-90 disabled:opacity-55"
          : pressed
            ? "border-accent bg-accent-soft text-accent"
            : "border-line bg-surface text-ink-2 hover:border-line-strong hover:text-ink",
        className,
      )}
      {...rest}
    >
      {Icon && <Icon aria-hidden className="size-3.5" />}
      {children}
    </button>
  );
}
