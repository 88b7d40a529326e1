/** The part of autocannon that is used here; it brings no types. */
declare module "autocannon" {
  interface Options {
    readonly url: string;
    readonly connections: number;
    readonly duration: number;
    readonly overallRate?: number;
    readonly requests: readonly { readonly method: string; readonly path: string; readonly body: Buffer; readonly headers: Readonly<Record<string, string>> }[];
  }
  interface Found {
    readonly latency: { readonly average: number; readonly p50: number; readonly p90: number; readonly p99: number; readonly p99_9: number; readonly max: number };
    readonly duration: number;
    readonly errors: number;
    readonly timeouts: number;
    readonly non2xx: number;
    readonly "2xx": number;
  }
  export default function autocannon(options: Options): Promise<Found>;
}
