"""Evaluates scores of labelled files, compares two sets of scores file by file, and lists the worst errors with what spoke for them.

usage: evaluate.py --lines FILE... --manifest FILE... [--programs FILE] SCORES [--against SCORES] [--page FILE.html] [--json FILE]

SCORES is  engine             the p_malicious that the lines hold
           engine:FILE...     the p_malicious of other lines of the same files, as an older engine printed them
           oof:DIR            DIR/FAMILY.scores.csv, written by train.py: out of fold
           model:DIR          DIR/FAMILY.model.json on the measures of the lines: in sample, unless the lines are files it never saw
"""
import argparse
import csv
import json
import os
import sys

os.environ.setdefault('OMP_NUM_THREADS', '1')
import numpy as np

import common as c


def scores(spec, table):
    """p of every file of the table, NaN where there is none; and the model, if the scores come from one."""
    kind, _, where = spec.partition(':')
    if kind == 'engine' and not where:
        return table.engine, None
    if kind == 'model':
        with open(f'{where}/{table.family}.model.json') as file:
            model = c.Model(file.read())
        assert model.measures_version == table.version, 'the model was made for another version of the measures'
        return model.p(table), model
    found = {}
    if kind == 'oof':
        with open(f'{where}/{table.family}.scores.csv', newline='') as file:
            found = {r['sha256']: float(r['p']) for r in csv.DictReader(file)}
    elif kind == 'engine':
        for path in where.split(','):
            with open(path) as file:
                for line in file:
                    r = json.loads(line)
                    if r.get('p_malicious') is not None and r.get('sha256'):
                        found[r['sha256']] = float(r['p_malicious'])
    else:
        sys.exit(f'scores are engine, engine:FILE, oof:DIR or model:DIR, not {spec}')
    return np.array([found.get(s, np.nan) for s in table.sha]), None


def worst(table, p, model, n):
    """The n benign files of the highest p and the n malicious ones of the lowest."""
    out = {}
    X = model.columns(table) if model else None
    for name, rows in (('benign, accused', np.flatnonzero(~table.y)[np.argsort(-p[~table.y], kind='stable')][:n]),
                       ('malicious, missed', np.flatnonzero(table.y)[np.argsort(p[table.y], kind='stable')][:n])):
        out[name] = []
        for i in rows:
            entry = {'sha256': table.sha[i], 'p': float(p[i]), 'kind': table.kind[i], 'source': table.source[i], 'group': table.group[i], 'sum': float(table.sum[i]), 'indicators': sorted(set(table.terms[i]))}
            if model:
                moved = sorted(((m, v) for m, v in model.testimony(X[i]).items() if m), key=lambda x: -abs(x[1]))[:8]
                entry['measures'] = {m: round(v, 2) for m, v in moved}
            out[name].append(entry)
    return out


def by_group(table, p, threshold):
    """Groups of benign files with the most accused: where to look for more benign programs."""
    rows = []
    for g in np.unique(table.group[~table.y]):
        mine = (table.group == g) & ~table.y
        wrong = int((p[mine] >= threshold).sum())
        if wrong:
            rows.append([g, table.source[mine][0], int(mine.sum()), wrong])
    return sorted(rows, key=lambda r: -r[3])


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('scores')
    a.add_argument('--against')
    a.add_argument('--lines', nargs='+', required=True)
    a.add_argument('--manifest', nargs='+', required=True)
    a.add_argument('--programs')
    a.add_argument('--family', nargs='+', default=['pe', 'elf'])
    a.add_argument('--explain', help='directory of a model whose testimony is shown with the worst errors')
    a.add_argument('--worst', type=int, default=20)
    a.add_argument('--rounds', type=int, default=1000)
    a.add_argument('--page')
    a.add_argument('--json')
    o = a.parse_args()
    tables = c.read_tables(o.lines, c.read_manifests(o.manifest), c.read_programs(o.programs), o.family)
    everything, parts = {}, []
    for family, table in tables.items():
        p, model = scores(o.scores, table)
        q = scores(o.against, table)[0] if o.against else None
        keep = ~np.isnan(p) if q is None else ~np.isnan(p) & ~np.isnan(q)
        print(f'\n## {family}: {o.scores}: {int(keep.sum())} of {len(keep)} files have scores; not judged: {table.skipped}')
        table, p, q = table.take(keep), p[keep], None if q is None else q[keep]
        if not table.y.any() or table.y.all():
            print('needs malicious and benign files')
            continue
        result = {n: c.with_intervals(table.y[s], p[s], table.sample[s], o.rounds) for n, s in c.populations(table)}
        print(c.text_table(*c.figure_rows(result)))
        out = {'populations': result}
        threshold = c.Judged(table.y, p).threshold()
        groups = by_group(table, p, threshold)
        print(f'\nbenign groups above the 1 % threshold (p {threshold:.4f})')
        print(c.text_table(['group', 'source', 'files', 'accused'], groups[:25]))
        curves = [(o.scores, table.y, p)]
        parts += [f'<h2>{family}</h2>', c.chart_reliability(family, table.y, p)]
        if q is not None:
            curves.append((o.against, table.y, q))
            out['compared'] = {}
            for n, s in c.populations(table):
                d = c.compare(table.y[s], p[s], q[s], table.sample[s], o.rounds)
                if d:
                    out['compared'][n] = d
                    rows = [[t, d[k][0], d[k][1], '{:+.4f} [{:+.4f},{:+.4f}]'.format(*d[k][2:]), 'differs' if d[k][3] > 0 or d[k][4] < 0 else ''] for k, t in c.COLUMNS]
                    print(f'\n{n}: {o.against} against {o.scores}, paired')
                    print(c.text_table(['figure', 'first', 'second', 'second - first', ''], rows))
                    parts.append(f'<h3>{n}: paired</h3>' + c.html_table(['figure', o.scores, o.against, 'difference', ''], rows))
        if o.explain:
            with open(f'{o.explain}/{family}.model.json') as file:
                model = c.Model(file.read())
        out['worst'] = worst(table, p, model, o.worst)
        for name, entries in out['worst'].items():
            print(f'\n{name}')
            for e in entries:
                print(f'{e["p"]:.4f} {e["sha256"][:16]} {e["kind"]} {e["group"]} sum {e["sum"]:+.2f} {",".join(e["indicators"])[:120]} {e.get("measures", "")}')
        parts += [c.chart_roc(family, curves), c.chart_histogram(family, table.y, p), c.html_table(*c.figure_rows(result))]
        for name, entries in out['worst'].items():
            parts.append(f'<h3>{name}</h3>' + c.html_table(['p', 'sha256', 'kind', 'group', 'indicators', 'measures'],
                                                          [[e['p'], e['sha256'][:16], e['kind'], e['group'], ', '.join(e['indicators']), str(e.get('measures', ''))] for e in entries]))
        everything[family] = out
    if o.page:
        with open(o.page, 'w') as file:
            file.write(c.page(f'stakeout: {o.scores}' + (f' and {o.against}' if o.against else ''), parts))
    if o.json:
        with open(o.json, 'w') as file:
            json.dump(c.rounded(everything), file, indent=1)


if __name__ == '__main__':
    main()
