/** A manager's answers as tables for people. Must not know where they are printed. */
import { oneLine } from "../formats/printable.js";
import type { BalancerDocument, HistoryDocument, StatusDocument, VersionDocument, WorkerDocument } from "./admin-documents.js";
import { formatAge, formatShare, renderTable, type Table } from "./table.js";

/** What is stored, what it looks like at the balancers, and what is wrong. */
export function renderStatus(status: StatusDocument, nowUnixMs: number, color: boolean): string {
  const { revision, store, platform, manager, workers } = status;
  const idle = Object.fromEntries(Object.entries(workers).filter(([, { state }]) => state !== "listening" && state !== "elsewhere"));
  const head = oneLine(`revision ${revision} in ${store}, platform ${platform}, manager ${manager}`);
  const parts = [renderTable(versionsTable(status), color), renderTable(balancersTable(status, nowUnixMs), color)];
  if (Object.keys(idle).length > 0) parts.push(renderTable(workersTable({ workers: idle }, nowUnixMs), color));
  return [`${head}\n`, ...parts].join("\n");
}

export function versionsTable({ languages }: Pick<StatusDocument, "languages">): Table {
  return {
    columns: ["language", "version", "weight", "share", "workers", "source", "waiting for"],
    rows: Object.entries(languages).flatMap(([language, { versions }]) => Object.entries(versions).map(([version, one]) => versionRow(language, version, one))),
    empty: "no version is registered; `lintel admin register LANGUAGE VERSION …` adds one",
  };
}

function versionRow(language: string, version: string, { weight, share, source, replicas, listening, waiting }: VersionDocument): string[] {
  // Of workers that run elsewhere nobody knows how many there should be.
  const workers = replicas === 0 ? String(listening) : `${listening}/${replicas}`;
  return [language, version, String(weight), formatShare(share), workers, source, waiting];
}

export function balancersTable({ revision, balancers }: Pick<StatusDocument, "revision" | "balancers">, nowUnixMs: number): Table {
  return {
    columns: ["balancer", "acked", "since", "shards", "state", "reason"],
    rows: Object.entries(balancers).map(([name, one]) => [name, String(one.acked), ageOf(one.since, nowUnixMs), one.shards.join(" "), balancerState(one, revision), one.reason]),
    empty: "no balancer is connected",
  };
}

function balancerState({ connected, stale, ready, acked }: BalancerDocument, revision: number): string {
  if (!connected) return "gone";
  if (stale) return "stale";
  if (acked < revision) return "behind";
  return ready ? "ready" : "not ready";
}

/** With zones where there are any. */
export function workersTable({ workers }: Pick<StatusDocument, "workers">, nowUnixMs: number): Table {
  const hasZones = Object.values(workers).some(({ zone }) => zone !== "");
  return {
    columns: ["worker", "language", "version", "address", ...(hasZones ? ["zone"] : []), "state", "since", "restarts", "pid", "reason"],
    rows: Object.entries(workers).map(([id, one]) => workerRow(id, one, hasZones, nowUnixMs)),
    empty: "there is no worker",
  };
}

function workerRow(id: string, { language, version, address, zone, state, since, restarts, pid, reason }: WorkerDocument, hasZones: boolean, nowUnixMs: number): string[] {
  return [id, language, version, address, ...(hasZones ? [zone] : []), state, ageOf(since, nowUnixMs), String(restarts), pid === 0 ? "" : String(pid), reason];
}

/** The lines of each difference are in the document. */
export function historyTable({ entries }: HistoryDocument, nowUnixMs: number): Table {
  return {
    columns: ["revision", "when", "who", "what", "reason"],
    rows: entries.map(({ revision, at, who, what, reason }) => [String(revision), `${ageOf(at, nowUnixMs)} ago`, who, what, reason]),
    empty: "nothing has been changed yet",
  };
}

function ageOf(iso: string, nowUnixMs: number): string {
  return iso === "" ? "" : formatAge(nowUnixMs - new Date(iso).getTime());
}
