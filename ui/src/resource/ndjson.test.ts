import { expect, test } from "vitest";
import { ndjson } from "./ndjson";

async function read(chunks: string[]): Promise<unknown[]> {
  const bytes = chunks.map((chunk) => new TextEncoder().encode(chunk));
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of bytes) controller.enqueue(chunk);
      controller.close();
    },
  });
  const values: unknown[] = [];
  for await (const value of ndjson(body)) values.push(value);
  return values;
}

test("joins a value that arrives in pieces and splits values that arrive together", async () => {
  expect(await read(['{"a":', "1}\n", '{"b":2}\n{"c":3}\n'])).toEqual([
    { a: 1 },
    { b: 2 },
    { c: 3 },
  ]);
});

test("reads a last line without a line feed and skips empty ones", async () => {
  expect(await read(['\n{"a":1}\n\n{"b":2}'])).toEqual([{ a: 1 }, { b: 2 }]);
});

test("fails on what is not JSON instead of going on", async () => {
  await expect(read(["<html>\n"])).rejects.toThrow(SyntaxError);
});
