import { expect, test } from "vitest";
import { parseTelemetry } from "./payload";

const parse = (text: string) => parseTelemetry(new TextEncoder().encode(text));

test("reads value, time and status of each member", () => {
  const [good, bad] = parse(
    `{"Temperature":{"SourceTimestamp":"2024-07-29T15:02:17.1858435Z","Value":4558},
      "BadTag":{"SourceTimestamp":"t","StatusCode":{"Code":2150694912,"Symbol":"BadNoCommunication"}}}`,
  );
  expect(good).toEqual({
    name: "Temperature",
    value: 4558,
    hasValue: true,
    sourceTime: "2024-07-29T15:02:17.1858435Z",
    statusCode: 0,
    statusText: "",
  });
  expect(bad).toMatchObject({
    hasValue: false,
    statusCode: 2150694912,
    statusText: "BadNoCommunication",
  });
});

test("keeps every digit of a 64-bit integer", () => {
  expect(parse('{"n":{"Value":9007199254740993123}}')[0]?.value).toBe("9007199254740993123");
  expect(parse('{"n":{"Value":42}}')[0]?.value).toBe(42);
  const [text, number] = parse(
    '{"s":{"Value":"a\\": 9007199254740993123,"},"d":0.12345678901234567}',
  );
  expect(text?.value).toBe('a": 9007199254740993123,');
  expect(number?.value).toBeCloseTo(0.123456789);
});

test("tolerates bare members, null values and a numeric status", () => {
  const [bare, empty, numeric] = parse(
    '{"a":7,"b":{"Value":null},"c":{"Value":1,"StatusCode":1083179008}}',
  );
  expect(bare).toMatchObject({ value: 7, hasValue: true, sourceTime: undefined });
  expect(empty?.hasValue).toBe(false);
  expect(numeric?.statusText).toBe("0x40900000");
});

test("opens the envelope of the older connectors", () => {
  const samples = parse(
    '{"timestamp":"t","messageType":"ua-deltaframe","payload":{"T":{"Value":1}},"sequenceNumber":1}',
  );
  expect(samples.map((sample) => sample.name)).toEqual(["T"]);
});

test("takes a structure that happens to have no Value as a value", () => {
  expect(parse('{"s":{"Top":1}}')[0]).toMatchObject({ value: { Top: 1 }, hasValue: true });
});

test.each(["", "[]", "7", "{broken", "\u0000\u0001"])("reads nothing from %j", (text) => {
  expect(parse(text)).toEqual([]);
});
