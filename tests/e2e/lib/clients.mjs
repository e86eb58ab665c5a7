// MQTT clients that are not ours, and a reader of Delta tables that is not ours either.

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import mqtt from 'mqtt';
import { start, waitFor } from './ground.mjs';

/** MQTT.js over TCP or WebSocket; `seen` collects {topic, payload, properties}. */
export async function mqttJs(t, url, topics, options = {}) {
  const client = await mqtt.connectAsync(url, { protocolVersion: 5, reconnectPeriod: 100, ...options });
  t.after(() => client.endAsync(true));
  const seen = [];
  client.on('message', (topic, payload, packet) =>
    seen.push({ topic, payload, text: payload.toString(), properties: packet.properties, at: Date.now() }));
  if (topics.length) await client.subscribeAsync(topics, { qos: 1 });
  return { client, seen };
}

/** mosquitto_sub as a person would start it; `lines()` gives what it has printed so far. */
export function mosquittoSub(t, port, topic, extra = []) {
  const child = start(t, 'mosquitto_sub', ['-h', '127.0.0.1', '-p', String(port), '-t', topic, '-v',
    ...extra]);
  return { child, lines: () => child.output.split('\n').filter(Boolean) };
}

/** What the Delta log says is the table: protocol, schema, and the data files that are in force. */
export async function readDeltaLog(table) {
  const log = path.join(table, '_delta_log');
  const commits = (await readdir(log)).filter((name) => /^\d{20}\.json$/.test(name)).sort();
  const state = { files: new Map(), version: commits.length - 1 };
  for (const name of commits) {
    for (const line of (await readFile(path.join(log, name), 'utf8')).split('\n').filter(Boolean)) {
      const action = JSON.parse(line);
      if (action.protocol) state.protocol = action.protocol;
      if (action.metaData) state.metaData = action.metaData;
      if (action.add) state.files.set(action.add.path, action.add);
      if (action.remove) state.files.delete(action.remove.path);
    }
  }
  return state;
}

/** Rows of a SQL query in which `TABLE` stands for the files of the Delta table. */
export async function queryDelta(table, sql) {
  const { files } = await readDeltaLog(table);
  const list = [...files.keys()].map((file) => `'${path.join(table, decodeURIComponent(file))}'`);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const source = `read_parquet([${list.join(',')}], union_by_name = true)`;
  const reader = await connection.runAndReadAll(sql.replaceAll('TABLE', source));
  const rows = reader.getRowObjectsJson();
  connection.closeSync();
  instance.closeSync();
  return rows;
}

export const lastJson = (seen) => JSON.parse(seen.at(-1).text);

export async function waitForMessages(seen, count, within) {
  return waitFor(`${count} messages`, () => seen.length >= count, { within });
}
