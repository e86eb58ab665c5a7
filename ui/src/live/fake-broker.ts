import type { OpenWire, WireEvents } from "./connection";

/** A broker in memory, for tests: it implements the wire, and the test says what it does. */
export class FakeBroker {
  readonly subscribed = new Set<string>();
  opened = 0;
  private events: WireEvents | undefined;

  readonly open: OpenWire = (_url, events) => {
    this.opened += 1;
    this.events = events;
    return Promise.resolve({
      subscribe: (filters: string[]) => {
        for (const filter of filters) this.subscribed.add(filter);
      },
      unsubscribe: (filters: string[]) => {
        for (const filter of filters) this.subscribed.delete(filter);
      },
      end: () => this.subscribed.clear(),
    });
  };

  accept(): void {
    this.events?.onOpen();
  }

  close(reason: string): void {
    this.events?.onClose(reason);
  }

  send(topic: string, message: object): void {
    this.events?.onMessage(topic, new TextEncoder().encode(JSON.stringify(message)));
  }
}
