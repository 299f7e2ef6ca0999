// Made by `python -m dashboard.browser.message_types` from dataclasses: change those, not this file.

/** Where an array lies behind the header: the kind of its numbers, the first byte, its sizes. */
export interface ArrayPlace {
  kind: string;
  offset: number;
  shape: Array<number>;
}

/** A station as it travels. */
export interface Card {
  id: string;
  title: string;
  caption: string;
  word: string;
  thumbnails: Array<Encoded>;
}

/** One axis of a cell's matrix: its name and its word on the page, the cell's number, how many, from which on. */
export interface CellAxis {
  axis: string;
  word: string;
  value: number;
  size: number;
  start: number;
}

/** What the keyboard chooses a cell from: the layer, the numbers, and matrices (name and title) in named groups. */
export interface CellChoice {
  layer: number;
  layers: number;
  name: string;
  axes: Array<CellAxis>;
  groups: Array<[string, Array<[string, string]>]>;
}

/** Cells of one matrix that are outlined, wherever it is on the page. */
export interface CellMark {
  kind: "cell" | "operand";
  matrix: string;
  head: [number, number] | null;
  rows: [number, number];
  columns: [number, number];
  label: string;
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

/** One cell of the way to the explained one: as briefly as can be, and in words. */
export interface Crumb {
  text: string;
  title: string;
}

/** A function by its points, and where on it the cell is. */
export interface Curve {
  points: Array<[number, number]>;
  at: [number, number];
  name: string;
  alt: string;
  kind: "curve";
}

/** A picture as the header has it: in its traces {"array": n} stands for the array at the n-th place. */
export interface DrawingMessage {
  key: string;
  step: number | null;
  matrices: Array<string>;
  digest: string;
  width: number | null;
  height: number | null;
  alternative: string;
  text: string;
  traces: Array<Record<string, any>>;
  layout: Record<string, any>;
  arrays: Array<ArrayPlace>;
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

/** All that is told of one cell. */
export interface ExplainedCell {
  crumbs: Array<Crumb>;
  symbol: string;
  title: string;
  place: string;
  formula: string;
  meaning: string;
  result: Recomputed;
  line: string;
  drawing: Rotation | Curve | null;
  numbers: Array<[string, string]>;
  note: string;
  pooled: string;
  end: boolean;
  terms: TermTable | null;
  by_size: boolean;
  layers: TermTable | null;
  layers_later: boolean;
  marks: Array<CellMark>;
  choice: CellChoice;
  elsewhere: boolean;
  forms: Record<string, string>;
}

/** Whether regions may be dragged over pictures, and the cell that is explained; None: the panel is closed. */
export interface ExplainerMessage {
  drags: boolean;
  cell: ExplainedCell | null;
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

/** A number that a term was computed from. to: the address of its cell; title: where that is, in words. */
export interface LinkedOperand {
  symbol: string;
  value: string;
  to: string;
  title: string;
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

/** The number as it was computed again, as the run has it, and how far apart they are. */
export interface Recomputed {
  recomputed: string;
  stored: string;
  apart: string;
}

/** The tokens in order. */
export interface RibbonMessage {
  chips: Array<Chip>;
}

/** A pair of numbers as an arrow of length 1 before and after it is turned; first: the cell is the first of them. */
export interface Rotation {
  before: [number, number];
  after: [number, number];
  angle: number;
  first: boolean;
  alt: string;
  kind: "rotation";
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

/** All terms in order as thin bars: shares of the largest; which bar the cell's own term is in; it in words. */
export interface Strip {
  bars: Array<number>;
  own: number | null;
  signed: boolean;
  said: string;
}

/** One term of the cell. */
export interface TermRow {
  label: string;
  inputs: Array<LinkedOperand>;
  factor: string;
  sign: string;
  value: string;
  full: string;
  share: number;
  own: boolean;
  aside: boolean;
}

/** Terms as rows. */
export interface TermTable {
  heading: string;
  rows: Array<TermRow>;
  count: number;
  rest: number;
  others: string;
  signed: boolean;
  strip: Strip | null;
  total: string;
  sum: string;
  page: number | null;
  pages: number;
}

/** The key of the text area that is watched. */
export interface TextGuardMessage {
  field: string;
}

/** The steps in order. */
export interface TimelineMessage {
  phases: Array<Phase>;
}

/** What is guessed before it is told: the choices, which is right, and the cells that would give it away. */
export interface TourGuess {
  choices: Array<string>;
  right: number;
  covered: Array<CellMark>;
}

/** The tour's card. */
export interface TourMessage {
  present: boolean;
  stops: Array<string>;
  words: Record<string, string>;
  forms: Record<string, string>;
  stop: string;
  number: number;
  place: string;
  text: Record<string, string>;
  marks: Array<CellMark>;
  keys: Array<string>;
  guess: TourGuess | null;
}
