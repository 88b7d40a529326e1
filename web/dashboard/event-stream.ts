/**
 * The balancer's events, for as long as the page is open: a browser comes back by itself after a break, and is helped where it does
 * not. Must not know what an event means.
 */
import type { PictureChange, WholePicture } from "../../src/balancer/dashboard/picture.js";
import { after } from "../base/clock.js";

export type StreamState = "connecting" | "live" | "lost";

export interface StreamListener {
  onWhole(picture: WholePicture): void;
  onChange(change: PictureChange): void;
  onState(state: StreamState): void;
}

/** After a refusal (too many readers, a balancer that starts) a browser gives up. */
const comeBackMs = 3_000;

export function followEvents(address: string, listener: StreamListener): void {
  const source = new EventSource(address);
  source.addEventListener("whole", ({ data }: MessageEvent<string>) => {
    listener.onState("live");
    listener.onWhole(JSON.parse(data) as WholePicture);
  });
  source.addEventListener("change", ({ data }: MessageEvent<string>) => listener.onChange(JSON.parse(data) as PictureChange));
  source.addEventListener("error", () => {
    listener.onState("lost");
    if (source.readyState === EventSource.CLOSED) after(comeBackMs, () => followEvents(address, listener));
  });
}
