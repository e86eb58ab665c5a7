import { useEffect, useLayoutEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Ring } from "@/live/ring";

interface TrendProps {
  ring: Ring;
  revision: unknown;
  label: string;
  height: number;
  stepped?: boolean;
}

/** A time chart of one tag; gaps stay gaps. The numbers are in the table beside it. */
export function Trend({ ring, revision, label, height, stepped = false }: TrendProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const chart = new uPlot(options(element, height, stepped), ring.toArrays(), element);
    plot.current = chart;
    const resize = new ResizeObserver(() => {
      chart.setSize({ width: element.clientWidth, height });
    });
    resize.observe(element);
    // The colours come from the theme; a new theme draws with its own.
    const theme = new MutationObserver(() => chart.redraw());
    theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      resize.disconnect();
      theme.disconnect();
      chart.destroy();
      plot.current = undefined;
    };
  }, [ring, height, stepped]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the ring is mutable, revision stands for it.
  useEffect(() => plot.current?.setData(ring.toArrays()), [ring, revision]);
  return <div ref={frame} role="img" aria-label={label} style={{ height }} />;
}

function options(element: HTMLElement, height: number, stepped: boolean): uPlot.Options {
  const colour = (name: string) => () =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: colour("--ink-3"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: '11px "Inter", sans-serif',
  };
  const stepPaths = stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    padding: [8, 8, 0, 0],
    axes: [
      { ...axis, space: 70, size: 26, values: "{HH}:{mm}:{ss}" },
      { ...axis, size: 52 },
    ],
    series: [
      {},
      {
        stroke: colour("--accent"),
        width: 1.5,
        spanGaps: false,
        points: { show: false },
        ...(stepPaths ? { paths: stepPaths } : {}),
      },
    ],
  };
}
