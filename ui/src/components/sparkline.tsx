import { clsx } from "clsx";
import { useEffect, useRef } from "react";
import type { Ring } from "@/live/ring";

interface SparklineProps {
  ring: Ring;
  /** Anything that changes when the ring has: the line is drawn again. */
  revision: unknown;
  /** Pixels; without it the line takes the width of what it stands in. */
  width?: number;
  height: number;
  /** How far back the line reaches. */
  spanMs: number;
  area?: boolean;
  /** The axis begins at zero, so that noise on a steady rate does not look like a drama. */
  fromZero?: boolean;
  className?: string | undefined;
}

/** A line on a canvas: cheap enough for one in every row at five redraws a second. Decorative. */
export function Sparkline(props: SparklineProps) {
  const {
    ring,
    revision,
    width,
    height,
    spanMs,
    area = false,
    fromZero = false,
    className,
  } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the ring is mutable, revision stands for it; the class sets the colour.
  useEffect(() => {
    if (!canvas.current) return;
    draw(canvas.current, ring, {
      width: width ?? canvas.current.clientWidth,
      height,
      spanMs,
      area,
      fromZero,
    });
  }, [ring, revision, width, height, spanMs, area, fromZero, className]);
  return (
    <canvas
      ref={canvas}
      aria-hidden
      className={clsx("block text-accent", className)}
      style={{ width: width ?? "100%", height }}
    />
  );
}

interface Look {
  width: number;
  height: number;
  spanMs: number;
  area: boolean;
  fromZero: boolean;
}

function draw(canvas: HTMLCanvasElement, ring: Ring, look: Look): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(look.width * scale);
  canvas.height = Math.round(look.height * scale);
  context.scale(scale, scale);
  const points = toPoints(ring, look);
  if (points.length === 0) return;
  const colour = getComputedStyle(canvas).color;
  context.strokeStyle = colour;
  context.fillStyle = colour;
  context.lineWidth = 1.4;
  context.lineJoin = "round";
  for (const run of runs(points)) stroke(context, run, look);
  mark(context, points.at(-1));
}

export interface Point {
  x: number;
  y: number;
}

/** Pixel positions, right edge = newest sample; a gap has y = NaN. */
export function toPoints(ring: Ring, look: Omit<Look, "area">): Point[] {
  const count = ring.size;
  if (count === 0) return [];
  const end = ring.timeAt(count - 1);
  let low = look.fromZero ? 0 : Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let first = count;
  for (let i = count - 1; i >= 0 && end - ring.timeAt(i) <= look.spanMs; i -= 1) {
    first = i;
    const value = ring.valueAt(i);
    if (Number.isNaN(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const inner = look.height - 4;
  const range = (high - low) * (look.fromZero ? 1.25 : 1);
  const points: Point[] = [];
  for (let i = first; i < count; i += 1) {
    const x = 1 + ((look.width - 3) * (look.spanMs - (end - ring.timeAt(i)))) / look.spanMs;
    const part =
      range > 0 ? (ring.valueAt(i) - low) / range : (look.fromZero ? 0 : 0.5) + 0 * ring.valueAt(i);
    points.push({ x, y: 2 + inner * (1 - part) });
  }
  return points;
}

function runs(points: Point[]): Point[][] {
  const result: Point[][] = [];
  let run: Point[] = [];
  for (const point of points) {
    if (!Number.isNaN(point.y)) run.push(point);
    else if (run.length) {
      result.push(run);
      run = [];
    }
  }
  if (run.length) result.push(run);
  return result;
}

function stroke(context: CanvasRenderingContext2D, run: Point[], look: Look): void {
  const [first, last] = [run[0], run.at(-1)];
  if (!first || !last) return;
  context.beginPath();
  context.moveTo(first.x, first.y);
  for (const point of run) context.lineTo(point.x, point.y);
  context.globalAlpha = 1;
  context.stroke();
  if (look.area && run.length > 1) {
    context.lineTo(last.x, look.height);
    context.lineTo(first.x, look.height);
    context.globalAlpha = 0.1;
    context.fill();
  }
  context.globalAlpha = 1;
}

/** A dot where the line is now; none where the newest sample is a gap. */
function mark(context: CanvasRenderingContext2D, point: Point | undefined): void {
  if (!point || Number.isNaN(point.y)) return;
  context.beginPath();
  context.arc(point.x, point.y, 1.6, 0, Math.PI * 2);
  context.fill();
}
