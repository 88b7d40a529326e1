/**
 * The balancer's events, while somebody looks at the page: a browser comes back by itself after a break, and is helped where it does
 * not. A page in the background takes no reader's place, and none of the few connections that a browser has for one host. Must not
 * know what an event means.
 */
import type { PictureChange, WholePicture } from "../../src/balancer/dashboard/picture.js";
import { after, type Timer } from "../base/clock.js";

export type StreamState = "connecting" | "live" | "lost";

export interface StreamListener {
  onWhole(picture: WholePicture): void;
  onChange(change: PictureChange): void;
  onState(state: StreamState): void;
}

/** After a refusal (too many readers, a balancer that starts) a browser gives up. */
const comeBackMs = 3_000;

export function followEvents(address: string, listener: StreamListener): void {
  let close = document.hidden ? undefined : open(address, listener);
  document.addEventListener("visibilitychange", () => {
    close?.();
    close = document.hidden ? undefined : open(address, listener);
  });
}

/** Returns what ends it. */
function open(address: string, listener: StreamListener): () => void {
  listener.onState("connecting");
  let again: Timer | undefined;
  let close: (() => void) | undefined;
  const source = new EventSource(address);
  source.addEventListener("whole", ({ data }: MessageEvent<string>) => {
    listener.onState("live");
    listener.onWhole(JSON.parse(data) as WholePicture);
  });
  source.addEventListener("change", ({ data }: MessageEvent<string>) => listener.onChange(JSON.parse(data) as PictureChange));
  source.addEventListener("error", () => {
    listener.onState("lost");
    if (source.readyState === EventSource.CLOSED) again = after(comeBackMs, () => (close = open(address, listener)));
  });
  return () => {
    again?.clear();
    source.close();
    close?.();
  };
}
