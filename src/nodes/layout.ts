// Where everything of the state diagram stands: boxes on the grid of the state table, arrows between their borders, labels where
// nothing else is. A move whose arrow would be long or would cross a box is written into its box instead. Pure geometry.

import { MOVES, type Move, type ProvisionState, STATES } from './states.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}
export interface Rect extends Point {
  readonly width: number;
  readonly height: number;
}
/** All moves from one state to another share an arrow. */
export interface Link {
  readonly from: ProvisionState;
  readonly to: ProvisionState;
  readonly moves: readonly Move[];
}
export interface Box extends Rect {
  readonly state: (typeof STATES)[number];
  /** Moves that are written into the box. */
  readonly notes: readonly Link[];
}
export interface Arrow {
  readonly link: Link;
  readonly start: Point;
  readonly end: Point;
  readonly label: Rect;
}
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly arrows: readonly Arrow[];
}

const CELL = { width: 198, height: 112 };
const MARGIN = 16;
const BOX_WIDTH = 132;
const NAME_HEIGHT = 30;
export const NOTE_HEIGHT = 13;
const LABEL_HEIGHT = 13;
const CHARACTER = 6.5;
const LONGEST_ARROW = 380;
/** How far a move and its way back stand apart. */
const LANE = 9;
const SPOTS = [0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73, 0.2, 0.8];

export function layOut(): Layout {
  const links = linksOf(MOVES);
  let written: ReadonlySet<Link> = new Set();
  // Notes make boxes taller, and a taller box can stand in another arrow's way: again until nothing changes. The set only grows.
  for (;;) {
    const boxes = boxesWith(links, written);
    const arrows = arrowsBetween(boxes, links, written);
    const more = links.filter((link) => !written.has(link) && !arrows.some((arrow) => arrow.link === link));
    if (more.length === 0) return { ...extent(boxes), boxes, arrows };
    written = new Set([...written, ...more]);
  }
}

export function labelOf(link: Link): string {
  return link.moves.map((move) => move.event).join(' / ');
}

export function overlaps(a: Rect, b: Rect, gap = 0): boolean {
  const apart = a.x + a.width + gap <= b.x || b.x + b.width + gap <= a.x || a.y + a.height + gap <= b.y || b.y + b.height + gap <= a.y;
  return !apart;
}

/** Does the straight line cross the rectangle? (Liang and Barsky's clipping.) */
export function crosses(start: Point, end: Point, rect: Rect): boolean {
  const dx = end.x - start.x;
  const dy = end.y - start.y;
  let enter = 0;
  let leave = 1;
  const sides: readonly (readonly [p: number, q: number])[] = [
    [-dx, start.x - rect.x],
    [dx, rect.x + rect.width - start.x],
    [-dy, start.y - rect.y],
    [dy, rect.y + rect.height - start.y],
  ];
  for (const [p, q] of sides) {
    if (p === 0 && q < 0) return false;
    if (p < 0) enter = Math.max(enter, q / p);
    if (p > 0) leave = Math.min(leave, q / p);
  }
  return enter < leave;
}

function linksOf(moves: readonly Move[]): Link[] {
  const grouped = Map.groupBy(moves, (move) => `${move.from}|${move.to}`);
  return [...grouped.values()].flatMap((group) => {
    const first = group[0];
    return first === undefined ? [] : [{ from: first.from, to: first.to, moves: group }];
  });
}

function boxesWith(links: readonly Link[], written: ReadonlySet<Link>): Box[] {
  return STATES.map((state) => {
    const notes = links.filter((link) => link.from === state.name && written.has(link));
    const height = NAME_HEIGHT + (notes.length === 0 ? 0 : notes.length * NOTE_HEIGHT + 3);
    const [column, row] = state.at;
    const x = MARGIN + column * CELL.width + (CELL.width - BOX_WIDTH) / 2;
    const y = MARGIN + row * CELL.height + (CELL.height - height) / 2;
    return { state, notes, x, y, width: BOX_WIDTH, height };
  });
}

function arrowsBetween(boxes: readonly Box[], links: readonly Link[], written: ReadonlySet<Link>): Arrow[] {
  const lines = links
    .filter((link) => !written.has(link))
    .map((link) => lineOf(link, boxes, links))
    .filter((line) => line !== undefined);
  const arrows: Arrow[] = [];
  // Short arrows first: they have the fewest places for a label.
  for (const line of lines.toSorted((a, b) => lengthOf(a) - lengthOf(b))) {
    const label = labelSpot(line, boxes, arrows, lines);
    if (label !== undefined) arrows.push({ ...line, label });
  }
  return arrows;
}

type Line = Omit<Arrow, 'label'>;

function lineOf(link: Link, boxes: readonly Box[], links: readonly Link[]): Line | undefined {
  const from = boxes.find((box) => box.state.name === link.from);
  const to = boxes.find((box) => box.state.name === link.to);
  if (from === undefined || to === undefined) return undefined;
  const hasWayBack = links.some((other) => other.from === link.to && other.to === link.from);
  const shift = hasWayBack ? sideways(centre(from), centre(to), LANE) : { x: 0, y: 0 };
  const a = plus(centre(from), shift);
  const b = plus(centre(to), shift);
  const line = { link, start: leaving(a, b, from), end: leaving(b, a, to) };
  if (lengthOf(line) > LONGEST_ARROW) return undefined;
  const isBlocked = boxes.some((box) => box !== from && box !== to && crosses(line.start, line.end, grown(box, 5)));
  return isBlocked ? undefined : line;
}

// The free place that the fewest other arrows run through: on the line, or beside it, away from its way back.
function labelSpot(line: Line, boxes: readonly Box[], placed: readonly Arrow[], lines: readonly Line[]): Rect | undefined {
  const width = labelOf(line.link).length * CHARACTER + 6;
  const normal = sideways(line.start, line.end, 1);
  const aside = (Math.abs(normal.x) * width + Math.abs(normal.y) * LABEL_HEIGHT) / 2 - 3;
  const spots = [0, aside]
    .flatMap((away) => SPOTS.map((t) => plus(between(line.start, line.end, t), { x: normal.x * away, y: normal.y * away })))
    .map((middle) => ({ x: middle.x - width / 2, y: middle.y - LABEL_HEIGHT / 2, width, height: LABEL_HEIGHT }))
    .filter((spot) => !boxes.some((box) => overlaps(spot, box, 2)) && !placed.some((other) => overlaps(spot, other.label, 2)));
  const crossings = (spot: Rect): number => lines.filter((other) => other !== line && crosses(other.start, other.end, spot)).length;
  return spots.toSorted((a, b) => crossings(a) - crossings(b))[0];
}

// Where the line from `a` (inside the box) to `b` leaves the box.
function leaving(a: Point, b: Point, box: Rect): Point {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const toSide = dx === 0 ? Number.POSITIVE_INFINITY : ((dx > 0 ? box.x + box.width : box.x) - a.x) / dx;
  const toEdge = dy === 0 ? Number.POSITIVE_INFINITY : ((dy > 0 ? box.y + box.height : box.y) - a.y) / dy;
  return between(a, b, Math.min(toSide, toEdge));
}

function centre(rect: Rect): Point {
  return { x: rect.x + rect.width / 2, y: rect.y + rect.height / 2 };
}

function sideways(a: Point, b: Point, distance: number): Point {
  const length = Math.hypot(b.x - a.x, b.y - a.y);
  return { x: (-(b.y - a.y) / length) * distance, y: ((b.x - a.x) / length) * distance };
}

function plus(a: Point, b: Point): Point {
  return { x: a.x + b.x, y: a.y + b.y };
}

function between(a: Point, b: Point, t: number): Point {
  return { x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t };
}

function grown(rect: Rect, by: number): Rect {
  return { x: rect.x - by, y: rect.y - by, width: rect.width + 2 * by, height: rect.height + 2 * by };
}

function lengthOf(line: Line): number {
  return Math.hypot(line.end.x - line.start.x, line.end.y - line.start.y);
}

function extent(boxes: readonly Box[]): { width: number; height: number } {
  const columns = Math.max(...boxes.map((box) => box.state.at[0])) + 1;
  const rows = Math.max(...boxes.map((box) => box.state.at[1])) + 1;
  return { width: columns * CELL.width + 2 * MARGIN, height: rows * CELL.height + 2 * MARGIN };
}
