import { CircleAlert, Lock } from "lucide-react";
import type { ApiError } from "@/resource/api";
import { useSession } from "@/resource/session";
import { Code, Message } from "./message";

interface TroubleProps {
  error: ApiError;
  /** What failed: "Cannot list assets". */
  title: string;
  /** What it was about, in the plural: "assets". */
  what: string;
}

/** Why something is not shown. Not being allowed to see it is no fault, and says who can change that. */
export function Trouble({ error, title, what }: TroubleProps) {
  if (error.forbidden) return <Forbidden what={what} />;
  return (
    <Message icon={CircleAlert} title={title} tone="bad">
      {error.message}
    </Message>
  );
}

function Forbidden({ what }: { what: string }) {
  const { user } = useSession().state;
  return (
    <Message icon={Lock} title={`You may not see ${what}`}>
      {user && <>You are signed in as {user}. </>}An administrator can give you a role that allows
      it, such as <Code>wireway:viewer</Code>; what you may see then appears here within a minute.
    </Message>
  );
}
