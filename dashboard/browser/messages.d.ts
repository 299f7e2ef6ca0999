// Made by `python -m dashboard.browser.message_types` from dataclasses: change those, not this file.

/** A station as it travels. */
export interface Card {
  id: string;
  title: string;
  caption: string;
  word: string;
  thumbnails: Array<Encoded>;
}

/** One token of the ribbon; there may be thousands, so each travels as a list without names. */
export type Chip = [position: number, text: string, sampled: boolean, available: boolean];

/** What a component with one choice is told besides its own message: the chosen item, and the number of the last click that Python has taken. */
export interface ChoiceMessage {
  chosen: number | string;
  seen: number;
}

/** The page's colours as "red, green, blue", and how opaque the largest magnitude is (0 to 1). */
export interface Colours {
  negative: string;
  positive: string;
  certain: string;
  masked: string;
  strongest: number;
}

/** One part that every layer has. */
export interface Column {
  part: string;
  head: number | null;
  title: string;
  symbol: string;
  shape: string;
  group: string;
}

/** A map with all its thumbnails, by cell. */
export interface DrawnMap {
  layers: number;
  columns: Array<Column>;
  before: Array<Outside>;
  after: Array<Outside>;
  thumbnails: Record<string, Encoded>;
  colours: Colours;
}

/** A thumbnail as it travels: one byte for each cell, row by row, as base64. said: it in words, if need be. */
export interface Encoded {
  rows: number;
  columns: number;
  kind: "signed" | "probability" | "bars" | "tokens";
  cells: string;
  said: string;
}

/** A number, what it is, and a sentence about that. */
export type Fact = [value: string, word: string, meaning: string];

/** Of each word's key its title and its tip, as plain text. */
export interface GlossaryMessage {
  tips: Record<string, [string, string]>;
}

/** Names of the query string: where these alone change, the address changes in place. */
export interface HistoryMessage {
  quiet: Array<string>;
}

/** Of one matrix: whether the two numbers agree, as a short text and as a sentence. */
export type Mark = [kind: "ok" | "off" | "none", short: string, sentence: string];

/** The map's name, and the map itself where the browser has not said that it holds it. */
export interface ModelMapMessage {
  signature: string;
  map: DrawnMap | null;
}

/** One sampled token; what it follows is visible text, as it is. */
export interface NextTokenMessage {
  token: string;
  facts: Array<Fact>;
  runners: Array<Runner>;
  choice: string;
  after: string;
}

/** The beginning of the key of what opens a dialog, and whether that is open. */
export interface OpenerMessage {
  opener: string;
  open: boolean;
}

/** A matrix that lies before or after the layers; `id` is its name. */
export interface Outside {
  id: string;
  title: string;
  symbol: string;
  shape: string;
}

/** One step of a run, shown as `title · consumed in → produced`. */
export type Phase = [title: string, consumed: string, produced: string, counted: boolean];

/** The badge of one run. open: all of the proof is on the page. */
export interface ProofMessage {
  state: "automatic" | "offered" | "pending" | "ok" | "off" | "failed";
  text: string;
  detail: string;
  marks: Record<string, Mark>;
  share: number;
  run: string;
  open: boolean;
}

/** The tokens in order. */
export interface RibbonMessage {
  chips: Array<Chip>;
}

/** A token that could have been sampled: its visible text, its probability in words, and as a bar (0 to 1). */
export type Runner = [text: string, probability: string, bar: number];

/** The link's query string, and the number of the latest question that it answers. */
export interface ShareMessage {
  query: string;
  asked: number;
}

/** The cards in order. */
export interface StationsMessage {
  cards: Array<Card>;
  colours: Colours;
}

/** The key of the text area that is watched. */
export interface TextGuardMessage {
  field: string;
}

/** The steps in order. */
export interface TimelineMessage {
  phases: Array<Phase>;
}
