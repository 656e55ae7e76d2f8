"""What training and evaluation share: reading lines and manifests, the table of measures, the model's file, figures, the page.

A line is what `stakeout scan --json --measures` prints for one file; a manifest names sha256, kind, label, source and group.
"""
import csv
import dataclasses
import hashlib
import html
import json
import math
import re

import numpy as np

FOLDS = 8                # folds of benign groups
LIVE_PRIOR = 0.15        # share of malware in the stream that precision is quoted for
FALSE_POSITIVES = 0.01   # false-positive rate of the quoted true-positive rate
SEED = 20261129
FORMAT = 1               # version of the model's file
PREFIX = {'pe': ('pe',), 'elf': ('elf',), 'office': ('cfb', 'ooxml', 'rtf')}
# What the ids of indicators begin with that tell of what the measures tell of too; what others tell the model cannot excuse.
ABOUT = {'office': ['office.source.', 'office.vba.project', 'office.vba.source', 'office.vba.execution_cache', 'office.vba.locked', 'yara.any.vba_macros.']}
INTERPRETER = 'segment.interpreter'   # the measure that tells an ELF program from a library
RELATIVES = [(re.compile(r'pyqt|pyside|qt5|qt6|shiboken'), 'qt'), (re.compile(r'7zip|7z\b|p7zip'), '7zip'),
             (re.compile(r'busybox'), 'busybox'), (re.compile(r'autoit'), 'autoit'), (re.compile(r'upx'), 'upx')]
BOOT = re.compile(r'syslinux|grub|ipxe|efitools')   # groups of boot modules: the engine gives them no model
PACKED = ('packingdata', 'packed-elf')
ODD = ('corkami-pocs',)
SOURCES = ('macro-projects', 'macro-singles')   # documents that were packed from published sources
COLLECTED = ('programs2', 'programs3')   # benign programs that we collected beside the manifests: harder ones
NOISY = ('capa-testfiles',)   # a collection for tests of another tool: 29 % of its files look harmless. It trains and is shown, but fits no join and no bound


# ---------------------------------------------------------------- reading

@dataclasses.dataclass
class Row:
    sha: str
    malicious: bool
    source: str
    group: str


def read_manifests(paths):
    rows = {}
    for path in paths:
        with open(path, newline='') as file:
            for r in csv.DictReader(file):
                rows.setdefault(r['sha256'], Row(r['sha256'], r['label'] == 'malicious', r['source'], r['group']))
    return rows


def read_programs(path):
    """sha256 -> program, of the packed goodware: the same program under every packer is one group."""
    if not path:
        return {}
    with open(path, newline='') as file:
        return {r['sha256']: r['program'] for r in csv.DictReader(file)}


def artifact(record, key):
    """The entry of layer 0 (the artifact itself) of a list of the record, or None."""
    for entry in record.get(key) or []:
        if entry.get('layer') in (0, '0', '', None):
            return entry
    return None


def indicators_of(record):
    """(sum, sum without negative terms, ids) of the indicators of the artifact itself, in log-odds.
    The one place that knows where the sum stands in a line."""
    subject = artifact(record, 'subjects')
    if subject is None:
        return 0.0, 0.0, ()
    terms = subject.get('terms') or [e for e in record.get('evidence') or [] if e.get('layer') in (0, '0', '', None)]
    return float(subject['sum']), float(subject['sum_without_calm']), tuple(t['id'] for t in terms)


def measures_of(record, family):
    """The measures of the artifact itself as (version, {name: value}), or None."""
    for entry in record.get('measures') or []:
        if entry.get('layer') in (0, '0', '', None) and entry['family'] == family:
            return entry['version'], entry['values']
    return None


def has_model(kind):
    """Relocatable ELF files (object files, kernel modules, boot modules) and core dumps are judged by indicators alone."""
    return not kind.endswith(('.rel', '.o', '.ko', '.core'))


def is_program(row, kind, values):
    """A file that is started itself: not a library and not a driver. Of Office one that was published as a document, and not
    packed from sources."""
    if kind.startswith(PREFIX['office']):
        return row.source not in SOURCES
    if kind.startswith('pe'):
        return kind.endswith('.exe')
    return kind.endswith('.exec') or (kind.endswith('.dyn') and values.get(INTERPRETER, 0) > 0)


def is_packed(row):
    return row.source in PACKED and 'not' not in row.group.rsplit('/', 1)[-1].lower() and 'not-packed' not in row.group


def fold_unit(row, program):
    """What must not be in training and test at once."""
    if row.malicious:
        return row.source
    if program:
        return 'program:' + program
    name = row.group.lower()
    name = name.replace('vba-repos/', '').replace('+', '/')
    if row.source != 'programs':
        name = re.sub(r'^(apt|pypi|npm|deb)[/:]', '', name).replace('_', '-')
        for pattern, family in RELATIVES:
            if pattern.search(name):
                return family
    return name


@dataclasses.dataclass
class Table:
    """One family's files, rows in order of sha256, columns in order of name."""
    family: str
    version: int
    names: list
    X: np.ndarray            # float32
    y: np.ndarray            # bool
    sha: np.ndarray
    kind: np.ndarray
    source: np.ndarray
    group: np.ndarray
    unit: np.ndarray         # fold unit; of malware its collection
    sample: np.ndarray       # unit of the bootstrap
    program: np.ndarray      # bool
    packed: np.ndarray       # bool
    sum: np.ndarray
    loud: np.ndarray         # the sum without negative terms
    incomplete: np.ndarray   # bool
    terms: list
    engine: np.ndarray       # p_malicious as the engine printed it, NaN if it did not
    skipped: dict
    padded: tuple = ()       # padded copies that train: (measures, row of the original)

    def take(self, keep):
        fields = {'padded': ()}
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if f.name == 'padded':
                continue
            if isinstance(value, np.ndarray):
                value = value[keep]
            elif f.name == 'terms':
                value = [t for t, k in zip(value, keep) if k]
            fields[f.name] = value
        return Table(**fields)

    @property
    def noisy(self):
        return np.isin(self.source, NOISY) & self.y

    @property
    def ordinary(self):
        return ~(self.packed | np.isin(self.source, ODD))


def read_tables(lines, manifest, programs, families=('pe', 'elf')):
    """Reads the lines once; returns {family: Table}. A file counts once, and only if a manifest names it."""
    found = {f: {} for f in families}
    skipped = {f: {} for f in families}
    versions = {f: set() for f in families}

    def skip(family, why):
        skipped[family][why] = skipped[family].get(why, 0) + 1

    columns = {f: {} for f in families}
    for path in lines:
        with open(path) as file:
            for line in file:
                if not line.strip():
                    continue
                record = json.loads(line)
                row = manifest.get(record.get('sha256'))
                kind = record.get('kind') or ''
                family = next((f for f in families if kind.startswith(PREFIX[f])), None)
                if row is None or family is None or row.sha in found[family]:
                    continue
                if not has_model(kind):
                    skip(family, 'relocatable')
                    continue
                if family == 'elf' and BOOT.search(row.group):
                    skip(family, 'boot module')
                    continue
                entry = measures_of(record, family)
                if entry is None:
                    skip(family, 'no measures')
                    continue
                version, values = entry
                versions[family].add(version)
                index = columns[family]
                pairs = np.array([(index.setdefault(n, len(index)), v) for n, v in values.items() if v != 0], dtype=np.float64).reshape(-1, 2)
                for n in values:
                    index.setdefault(n, len(index))
                p = record.get('p_malicious')
                found[family][row.sha] = (row, kind, is_program(row, kind, values), bool(record.get('incomplete')),
                                          indicators_of(record), pairs, float('nan') if p is None else float(p))
    tables = {}
    for family in families:
        if not found[family]:
            continue
        assert len(versions[family]) == 1, f'{family}: lines of several versions of the measures: {versions[family]}'
        names = sorted(columns[family])
        place = np.empty(len(names), dtype=np.int64)
        for i, n in enumerate(names):
            place[columns[family][n]] = i
        order = sorted(found[family])
        rows = [found[family][s] for s in order]
        X = np.zeros((len(rows), len(names)), dtype=np.float32)
        for i, r in enumerate(rows):
            X[i, place[r[5][:, 0].astype(np.int64)]] = r[5][:, 1]
        assert np.isfinite(X).all(), f'{family}: a measure is not finite'
        unit = [fold_unit(r[0], programs.get(r[0].sha)) for r in rows]
        tables[family] = Table(
            family, versions[family].pop(), names, X, np.array([r[0].malicious for r in rows]), np.array(order),
            np.array([r[1] for r in rows]), np.array([r[0].source for r in rows]), np.array([r[0].group for r in rows]), np.array(unit),
            np.array([sample_unit(r, u) for r, u in zip(rows, unit)]), np.array([r[2] for r in rows]), np.array([is_packed(r[0]) for r in rows]),
            np.array([r[4][0] for r in rows]), np.array([r[4][1] for r in rows]), np.array([r[3] for r in rows]),
            [r[4][2] for r in rows], np.array([r[6] for r in rows]), skipped[family])
    return tables


def read_attacked(lines, table):
    """The measures and sums of padded copies, written to OUT/ATTACK/SHA256 of the original: [(attack, row of the original, x, sum, sum
    without negative terms)], for originals that the table holds."""
    place = {n: i for i, n in enumerate(table.names)}
    row_of = {s: i for i, s in enumerate(table.sha)}
    out = []
    for path in lines:
        with open(path) as file:
            for line in file:
                record = json.loads(line) if line.strip() else {}
                parts = (record.get('path') or '').split('/')
                if len(parts) < 2 or parts[-1] not in row_of:
                    continue
                entry = measures_of(record, table.family)
                if entry is None:
                    continue
                x = np.zeros(len(table.names), dtype=np.float32)
                for n, v in entry[1].items():
                    if n in place:
                        x[place[n]] = v
                total, loud, _ = indicators_of(record)
                out.append((parts[-2], row_of[parts[-1]], x, total, loud))
    return sorted(out, key=lambda a: (a[1], a[0]))


def padded_copies(lines, table):
    """The padded copies of malware that train beside their originals."""
    copies = [a for a in read_attacked(lines, table) if a[0] != 'plain' and table.y[a[1]]]
    return (np.stack([a[2] for a in copies]), np.array([a[1] for a in copies])) if copies else ()


def sample_unit(r, unit):
    """The bootstrap draws these: benign packages or programs; of malware the manifest's group, and where that is a whole
    collection, the files of one kind that show the same indicators (near duplicates)."""
    row, kind, terms = r[0], r[1], r[4][2]
    if not row.malicious:
        return 'b:' + unit
    if row.group in (row.source, row.source + '/all'):
        return f'm:{row.source}:' + (kind + ':' + ','.join(sorted(set(terms))) if terms else row.sha)
    return 'm:' + row.group


def evidence_hash(table):
    """sha256 over the sorted training table: names, then of each row its hash, label, values and indicators' sum; then the padded copies."""
    h = hashlib.sha256()
    h.update(f'{table.family} {table.version} {" ".join(table.names)}\n'.encode())
    values = table.X.astype('<f4')
    sums = table.sum.astype('<f8')
    for i in range(len(table.y)):
        h.update(table.sha[i].encode() + (b'\1' if table.y[i] else b'\0') + values[i].tobytes() + sums[i].tobytes())
    if table.padded:
        for x, i in zip(*table.padded):
            h.update(table.sha[i].encode() + b'\2' + x.astype('<f4').tobytes())
    return h.hexdigest()


# ---------------------------------------------------------------- the model's file

def floor32(x):
    """The greatest f32 that is not above x: for values that are f32, `value <= x` and `value <= floor32(x)` say the same."""
    t = np.float32(x)
    return t if float(t) <= x else np.nextafter(t, np.float32(-np.inf))


def short(x):
    """The shortest decimal number that reads back as the same f32."""
    x = np.float32(x)
    text = np.format_float_positional(x, unique=True, trim='-') if 1e-4 <= abs(float(x)) < 1e7 or x == 0 else np.format_float_scientific(x, unique=True, trim='-', exp_digits=1)
    text = text.replace('e+', 'e')
    if text == '-0':
        text = '0'
    assert np.float32(float(text)) == x, text
    return text


def nested(node, out):
    """Writes a tree of LightGBM's dump as a list of nodes, children after their parent."""
    at = len(out)
    if 'leaf_value' in node:
        out.append([node['leaf_value']])
        return at
    assert node['decision_type'] == '<=' and node['missing_type'] == 'None', node
    out.append(None)
    left = nested(node['left_child'], out)
    right = nested(node['right_child'], out)
    out[at] = [node['split_feature'], floor32(node['threshold']), left, right, node['internal_value']]
    return at


def trees_of(booster):
    trees = []
    for info in booster.dump_model()['tree_info']:
        out = []
        nested(info['tree_structure'], out)
        trees.append(out)
    return trees


def model_text(family, version, made, names, join, trees):
    """The file's bytes: one tree a line; only the measures that some tree uses."""
    used = sorted({n[0] for t in trees for n in t if len(n) == 5})
    index = {f: i for i, f in enumerate(used)}

    def node(n):
        if len(n) == 1:
            return f'[{short(n[0])}]'
        return f'[{index[n[0]]},{short(n[1])},{n[2]},{n[3]},{short(n[4])}]'

    lines = ',\n'.join('[' + ','.join(node(n) for n in t) + ']' for t in trees)
    head = {'version': FORMAT, 'family': family, 'measures_version': version, 'made': made, 'measures': [names[f] for f in used], 'join': join} | ({'about': ABOUT[family]} if family in ABOUT else {})
    text = re.sub(r'\[\s+(-?[\d.e-]+|null),\s+(-?[\d.e-]+|null),\s+(-?[\d.e-]+|null)\s+\]', r'[\1, \2, \3]', json.dumps(head, indent=1))
    return ',\n'.join([text[:-2], ' "trees":[\n' + lines + '\n]}\n'])


class Model:
    """A model's file, evaluated as the engine evaluates it: f32 thresholds and values, f64 sums, in the order of the trees."""

    def __init__(self, text):
        d = json.loads(text)
        assert d['version'] == FORMAT
        self.family, self.names, self.join, self.made = d['family'], d['measures'], d['join'], d['made']
        self.measures_version = d['measures_version']
        self.trees = [[[n[0], np.float32(n[1]), n[2], n[3], np.float32(n[4])] if len(n) == 5 else [np.float32(n[0])] for n in t] for t in d['trees']]
        for t in self.trees:
            for i, n in enumerate(t):
                assert len(n) == 1 or (n[2] > i and n[3] > i and n[0] < len(self.names)), 'a child does not stand after its parent'

    def columns(self, table):
        place = {n: i for i, n in enumerate(table.names)}
        X = np.zeros((len(table.y), len(self.names)), dtype=np.float32)
        for j, n in enumerate(self.names):
            if n in place:
                X[:, j] = table.X[:, place[n]]
        return X

    def margins(self, X):
        total = np.zeros(len(X))
        for tree in self.trees:
            value = np.zeros(len(X))
            todo = [(0, np.arange(len(X)))]
            while todo:
                at, rows = todo.pop()
                n = tree[at]
                if len(n) == 1:
                    value[rows] = float(n[0])
                    continue
                left = X[rows, n[0]] <= n[1]
                todo += [(n[2], rows[left]), (n[3], rows[~left])]
            total += value
        return total

    def testimony(self, x):
        """The margin of one file, split over the measures along the paths (values of the nodes); '' is where it starts from."""
        moved = {'': 0.0}
        for tree in self.trees:
            at, last = 0, float(tree[0][-1])
            moved[''] += last
            while len(tree[at]) == 5:
                f, threshold, left, right, _ = tree[at]
                at = left if x[f] <= threshold else right
                value = float(tree[at][-1])
                moved[self.names[f]] = moved.get(self.names[f], 0.0) + value - last
                last = value
        return moved

    def p(self, table):
        return joined(self.join, self.margins(self.columns(table)), table.sum)


def bent(bend, x):
    """What is beyond `from` counts by `factor`, if there is a bend."""
    return x if bend is None else np.minimum(x, bend['from']) + bend['factor'] * np.maximum(x - bend['from'], 0)


def joined(join, margin, total):
    """The probability by a model's margin and the indicators' sum."""
    odds = join['intercept'] + join['model'] * margin + join['indicators'] * bent(join.get('bend_sum'), total)
    return sigmoid(bent(join.get('bend_odds'), odds))


# ---------------------------------------------------------------- numbers

def sigmoid(x):
    return 1 / (1 + np.exp(-np.clip(x, -40, 40)))


def logit(p):
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return np.log(p / (1 - p))


class Judged:
    """Labels and probabilities of some files, prepared so that figures under new weights cost one pass."""

    def __init__(self, y, p):
        self.y, self.p = np.asarray(y, dtype=bool), np.asarray(p, dtype=float)
        self.levels, self.level = np.unique(self.p, return_inverse=True)
        self.clipped = np.clip(self.p, 1e-3, 1 - 1e-3)
        self.square = (self.p - self.y) ** 2
        self.loss = -np.where(self.y, np.log(self.clipped), np.log(1 - self.clipped))
        self.bin = np.minimum((self.p * 10).astype(int), 9)

    def threshold(self, w=None):
        """The smallest p at which at most 1 % of benign weight stands at or above."""
        w = np.ones(len(self.y)) if w is None else w
        neg = np.bincount(self.level, w * ~self.y, len(self.levels))
        above = np.cumsum(neg[::-1])[::-1]
        ok = np.flatnonzero(above <= FALSE_POSITIVES * neg.sum() + 1e-9)
        return self.levels[ok[0]] if len(ok) else np.inf

    def figures(self, w=None):
        w = np.ones(len(self.y)) if w is None else w
        wp, wn = w * self.y, w * ~self.y
        P, N = wp.sum(), wn.sum()
        if P == 0 or N == 0:
            return {}
        pos, neg = np.bincount(self.level, wp, len(self.levels)), np.bincount(self.level, wn, len(self.levels))
        below = np.cumsum(neg) - neg
        out = {'auc': float((pos * (below + neg / 2)).sum() / (P * N))}
        tp, fp = np.cumsum(pos[::-1]) / P, np.cumsum(neg[::-1]) / N
        ok = np.flatnonzero(fp <= FALSE_POSITIVES + 1e-12)
        out['tpr_at_1'] = float(tp[ok[-1]]) if len(ok) else 0.0
        b = wp / P / 2 + wn / N / 2
        out['brier'] = float((b * self.square).sum())
        out['log_loss'] = float((b * self.loss).sum())
        mass, mean, rate = np.bincount(self.bin, b, 10), np.bincount(self.bin, b * self.p, 10), np.bincount(self.bin, b * self.y, 10)
        out['ece'] = float(np.abs(mean - rate).sum())
        for t in (.9, .95, .97):
            r, f = float(wp[self.p >= t].sum() / P), float(wn[self.p >= t].sum() / N)
            out[f'recall_{t}'] = r
            out[f'false_{t}'] = f
            out[f'precision_{t}'] = LIVE_PRIOR * r / max(LIVE_PRIOR * r + (1 - LIVE_PRIOR) * f, 1e-12) if r + f > 0 else float('nan')
        out['malware_to_.1'] = float(wp[self.p <= .1].sum() / P)
        out['benign_to_.1'] = float(wn[self.p <= .1].sum() / N)
        return out


class Bootstrap:
    """Draws groups with replacement, benign and malicious ones apart; the same draws for everything that is asked of it."""

    def __init__(self, y, sample, rounds=1000, seed=SEED):
        self.rounds, self.seed = rounds, seed
        self.units, self.unit = np.unique(sample, return_inverse=True)
        self.sides = [np.unique(self.unit[np.asarray(y, bool) == side]) for side in (False, True)]

    def weights(self):
        rng = np.random.default_rng(self.seed)
        for _ in range(self.rounds):
            count = np.zeros(len(self.units))
            for side in self.sides:
                if len(side):
                    count += np.bincount(side[rng.integers(0, len(side), len(side))], minlength=len(self.units))
            yield count[self.unit]


def interval(values):
    values = np.array([v for v in values if v is not None and not math.isnan(v)])
    return [float(q) for q in np.quantile(values, [.025, .975])] if len(values) else [float('nan')] * 2


def with_intervals(y, p, sample, rounds):
    """{figure: [value, low, high]}, and how many files and groups."""
    judged = Judged(y, p)
    point = judged.figures()
    if not point:
        return None
    draws = {k: [] for k in point}
    for w in Bootstrap(y, sample, rounds).weights():
        for k, v in judged.figures(w).items():
            draws[k].append(v)
    out = {k: [v] + interval(draws[k]) for k, v in point.items()}
    return {'benign': int((~judged.y).sum()), 'malicious': int(judged.y.sum()), 'groups': len(set(sample)), 'figures': out}


def compare(y, p, q, sample, rounds):
    """{figure: [p, q, q - p, low, high]} with the same draws for both."""
    a, b = Judged(y, p), Judged(y, q)
    fa, fb = a.figures(), b.figures()
    if not fa:
        return None
    draws = {k: [] for k in fa}
    for w in Bootstrap(y, sample, rounds).weights():
        da, db = a.figures(w), b.figures(w)
        for k in da:
            draws[k].append(db[k] - da[k])
    return {k: [fa[k], fb[k], fb[k] - fa[k]] + interval(draws[k]) for k in fa}


def rounded(value, digits=5):
    if isinstance(value, dict):
        return {k: rounded(v, digits) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(v, digits) for v in value]
    if isinstance(value, (float, np.floating)):
        return None if math.isnan(value) else float(f'{float(value):.{digits}g}')
    if isinstance(value, np.integer):
        return int(value)
    return value


# ---------------------------------------------------------------- tables and the page

COLUMNS = [('auc', 'AUC'), ('tpr_at_1', 'TPR@1%'), ('brier', 'Brier'), ('log_loss', 'logloss'), ('ece', 'ECE'), ('precision_0.9', 'prec.9'),
           ('recall_0.9', 'rec.9'), ('precision_0.95', 'prec.95'), ('recall_0.95', 'rec.95'), ('precision_0.97', 'prec.97'), ('recall_0.97', 'rec.97'),
           ('malware_to_.1', 'mal<=.1')]


def cell(v):
    if v is None:
        return '-'
    if isinstance(v, (list, tuple)):
        if v[0] is None or math.isnan(v[0]):
            return '-'
        return f'{v[0]:.3f} [{v[1]:.3f},{v[2]:.3f}]'
    return f'{v:.3f}' if isinstance(v, float) else str(v)


def text_table(head, rows):
    rows = [head] + [[cell(c) for c in r] for r in rows]
    width = [max(len(r[i]) for r in rows) for i in range(len(head))]
    return '\n'.join('  '.join(c.ljust(w) for c, w in zip(r, width)).rstrip() for r in rows)


def populations(table):
    """Which files the figures are given for."""
    every = np.ones(len(table.y), bool)
    seen, few = {}, every.copy()
    for i in np.flatnonzero(~table.y):   # one package of 1,300 files must not speak for all
        seen[table.group[i]] = seen.get(table.group[i], 0) + 1
        few[i] = seen[table.group[i]] <= 80
    return [('all', every), ('without programs2 and programs3', ~np.isin(table.source, COLLECTED)), ('without noisy', ~table.noisy), ('the same, 80 a group', few & ~table.noisy), ('ordinary', table.ordinary | table.y), ('programs', table.program),
            ('ordinary programs', table.program & (table.ordinary | table.y))]


def figure_rows(result):
    head = ['population', 'benign', 'malicious'] + [t for _, t in COLUMNS]
    rows = [[name, r['benign'], r['malicious']] + [r['figures'][k] for k, _ in COLUMNS] for name, r in result.items() if r]
    return head, rows


def polyline(points, color):
    return f'<polyline fill="none" stroke="{color}" stroke-width="1.5" points="' + ' '.join(f'{x:.1f},{y:.1f}' for x, y in points) + '"/>'


def frame(title, x0, x1, y0, y1, xlabel, ylabel, body, ticks=5):
    grid = ''
    for i in range(ticks + 1):
        x, y = 40 + 280 * i / ticks, 290 - 260 * i / ticks
        grid += f'<line x1="{x}" y1="30" x2="{x}" y2="290" class="g"/><line x1="40" y1="{y}" x2="320" y2="{y}" class="g"/>'
        grid += f'<text x="{x}" y="304" text-anchor="middle">{x0 + (x1 - x0) * i / ticks:g}</text><text x="36" y="{y + 4}" text-anchor="end">{y0 + (y1 - y0) * i / ticks:g}</text>'
    return (f'<svg viewBox="0 0 340 330" width="340" height="330"><text x="180" y="18" text-anchor="middle" class="t">{html.escape(title)}</text>{grid}'
            f'<text x="180" y="322" text-anchor="middle">{xlabel}</text><text x="44" y="42">{ylabel}</text>{body}</svg>')


def chart_reliability(name, y, p):
    b = np.where(y, .5 / y.sum(), .5 / (~y).sum())
    points, dots = [], ''
    for i in range(10):
        k = np.minimum((p * 10).astype(int), 9) == i
        if k.sum() < 5:
            continue
        x, r = (b * p)[k].sum() / b[k].sum(), (b * y)[k].sum() / b[k].sum()
        points.append((40 + 280 * x, 290 - 260 * r))
        dots += f'<circle cx="{40 + 280 * x:.1f}" cy="{290 - 260 * r:.1f}" r="{2 + 12 * math.sqrt(b[k].sum()):.1f}" fill="#36c" fill-opacity=".4"><title>{k.sum()} files, mean p {x:.3f}, malicious {r:.3f}</title></circle>'
    return frame(name + ': reliability (balanced)', 0, 1, 0, 1, 'p', 'share malicious', '<line x1="40" y1="290" x2="320" y2="30" stroke="#999" stroke-dasharray="4"/>' + dots + polyline(points, '#36c'))


def chart_roc(name, curves):
    body = ''
    for i, (label, y, p) in enumerate(curves):
        order = np.argsort(-p, kind='stable')
        tp, fp = np.cumsum(y[order]) / y.sum(), np.cumsum(~y[order]) / (~y).sum()
        x = np.log10(np.maximum(fp, 1e-4)) / 4 + 1
        keep = np.unique(np.linspace(0, len(x) - 1, 400).astype(int))
        color = ('#36c', '#c33', '#393', '#a5a')[i % 4]
        body += polyline([(40 + 280 * x[k], 290 - 260 * tp[k]) for k in keep], color) + f'<text x="200" y="{240 + 12 * i}" fill="{color}">{html.escape(label)}</text>'
    return frame(name + ': ROC', -4, 0, 0, 1, 'log10 of the false-positive rate', 'true-positive rate', body, 4)


def chart_histogram(name, y, p):
    edges = np.linspace(0, 1, 21)
    body = ''
    for side, color in ((~y, '#393'), (y, '#c33')):
        h = np.histogram(p[side], edges)[0] / max(side.sum(), 1)
        for i, v in enumerate(h):
            body += f'<rect x="{40 + 14 * i + (7 if color == "#c33" else 0)}" y="{290 - 260 * v:.1f}" width="6" height="{260 * v:.1f}" fill="{color}"/>'
    return frame(name + ': p of benign (green) and malicious (red)', 0, 1, 0, 1, 'p', 'share of files', body)


def html_table(head, rows):
    out = '<table><tr>' + ''.join(f'<th>{html.escape(h)}</th>' for h in head) + '</tr>'
    for r in rows:
        out += '<tr>' + ''.join(f'<td>{html.escape(cell(c))}</td>' for c in r) + '</tr>'
    return out + '</table>'


def page(title, parts):
    style = ('body{font:14px/1.4 system-ui,sans-serif;margin:2em auto;max-width:1200px;padding:0 1em}svg text{font-size:10px}svg .t{font-size:12px;font-weight:600}'
             'svg .g{stroke:#ddd}table{border-collapse:collapse;font-size:12px;display:block;overflow-x:auto}td,th{border:1px solid #ccc;padding:2px 6px;text-align:left;white-space:nowrap}')
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title><style>{style}</style><h1>{html.escape(title)}</h1>' + '\n'.join(parts) + '</html>\n'
