import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { MOVES, mermaidText, STATE_NAMES, stateDocs, statesSvg, statesTable } from '../../../src/nodes/index.ts';
import { crosses, labelOf, layOut, overlaps } from '../../../src/nodes/layout.ts';

const ROOT = new URL('../../../', import.meta.url);

describe('the published pages', () => {
  it.each(stateDocs())('$path is what the table gives (else run publishStates)', async ({ path, text }) => {
    expect(await readFile(new URL(path, ROOT), 'utf8')).toBe(text);
  });
});

describe('the diagram', () => {
  const { boxes, arrows, width, height } = layOut();

  it('shows every state once and every move once, as an arrow or in a box', () => {
    expect(boxes.map((box) => box.state.name).toSorted()).toEqual(STATE_NAMES.toSorted());
    const shown = [...arrows.map((arrow) => arrow.link), ...boxes.flatMap((box) => box.notes)].flatMap((link) => link.moves);
    const names = (moves: readonly { from: string; event: string }[]): string[] =>
      moves.map((move) => `${move.from}|${move.event}`).toSorted();
    expect(names(shown)).toEqual(names(MOVES));
  });

  it('draws most links, so that it is a picture and no list', () => {
    expect(arrows.length).toBeGreaterThan(boxes.flatMap((box) => box.notes).length * 2);
  });

  it('lays no label over a box or another label', () => {
    for (const [index, arrow] of arrows.entries()) {
      for (const box of boxes) expect(overlaps(arrow.label, box), `${labelOf(arrow.link)} over ${box.state.name}`).toBe(false);
      for (const other of arrows.slice(index + 1))
        expect(
          overlaps(arrow.label, other.label),
          `${arrow.link.from} ${labelOf(arrow.link)} over ${other.link.from} ${labelOf(other.link)}`,
        ).toBe(false);
    }
  });

  it('runs no arrow through a box, and no box into another or off the paper', () => {
    for (const { link, start, end } of arrows)
      for (const box of boxes.filter((one) => one.state.name !== link.from && one.state.name !== link.to))
        expect(crosses(start, end, box), `${link.from} to ${link.to} through ${box.state.name}`).toBe(false);
    for (const [index, box] of boxes.entries()) {
      for (const other of boxes.slice(index + 1)) expect(overlaps(box, other, 8), `${box.state.name} ${other.state.name}`).toBe(false);
      expect(box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height, box.state.name).toBe(true);
    }
  });

  it('marks the current state and nothing when none is given', () => {
    expect(statesSvg()).not.toContain(' current"');
    expect(statesSvg({ current: 'clean wait' }).match(/ current"/g)).toHaveLength(1);
  });

  it('is made without scripts, fonts or pictures from elsewhere', () => {
    expect(statesSvg().replace('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(/https?:|<script|<image|href|@import/);
  });
});

it('the Mermaid text has a line for every move', () => {
  expect(mermaidText().match(/-->/g)).toHaveLength(MOVES.length + 1);
  expect(mermaidText()).toContain('  wait_call_back --> deploying: resume');
});

it('the JSON of the table is plain data', () => {
  expect(JSON.parse(JSON.stringify(statesTable()))).toEqual(statesTable());
});
