import { clsx } from "clsx";
import { LoaderCircle, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

interface MessageProps {
  icon: LucideIcon;
  title: string;
  children?: ReactNode;
  tone?: "mute" | "bad";
  spin?: boolean;
}

/** What stands where there is nothing to show: why, and what to do about it. */
export function Message({ icon: Icon, title, children, tone = "mute", spin }: MessageProps) {
  return (
    <div
      role={tone === "bad" ? "alert" : "status"}
      className="flex flex-col items-center justify-center gap-2 px-6 py-12 text-center"
    >
      <Icon
        aria-hidden
        strokeWidth={1.6}
        className={clsx(
          "size-7",
          tone === "bad" ? "text-bad" : "text-ink-3",
          spin && "animate-spin [animation-duration:1.6s]",
        )}
      />
      <p className="font-medium">{title}</p>
      {children && <div className="max-w-md text-ink-3">{children}</div>}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return <Message icon={LoaderCircle} title={`Loading ${what}…`} spin />;
}

export function Code({ children }: { children: ReactNode }) {
  return <code className="rounded bg-mute-soft px-1 py-0.5 font-mono text-xs">{children}</code>;
}
