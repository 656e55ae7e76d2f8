"""Trains the static model of each family and writes rules/FAMILY.model.json with its out-of-fold figures.

usage: train.py --lines FILE... --manifest FILE... [--programs packed-programs.csv] [--family FAMILY...] --out rules [--scores DIR] [--page FILE.html]
       train.py ... --study [NAME...]      compares variants out of fold and writes nothing

One thread, rows in order of sha256, fixed seeds: the same lines give the same bytes. Trained offline, never in CI.
"""
import argparse
import csv
import hashlib
import json
import os
import re
import sys
import time

os.environ.setdefault('OMP_NUM_THREADS', '1')
import lightgbm
import numpy as np
from scipy.optimize import minimize

import common as c

CAP = 80                 # files of a benign group that train
PARAMETERS = {
    'objective': 'binary', 'learning_rate': .08, 'num_leaves': 15, 'feature_fraction': .25, 'bagging_fraction': .8, 'bagging_freq': 1,
    'min_data_in_leaf': 10, 'lambda_l2': 5.0, 'max_bin': 31, 'use_missing': False, 'zero_as_missing': False, 'seed': 7, 'deterministic': True,
    'force_col_wise': True, 'num_threads': 1, 'verbosity': -1, 'boost_from_average': True,
}
TREES = 200

# What an attacker adds for nothing. Under a constraint of +1 more of it never makes a file more benign.
MALICE = (r'^words\.(run_keys|winlogon|commands|cmd_exe|powershell|script_hosts|tasks|backups|firewall|kill|system_processes|temporary_folders|batch_delete|'
          r'user_agents|http|irc|onion|coins|ransom|passwords|browser_files|protection|analysis|key_names|attack_words|autorun|messengers|'
          r'injection_functions|download_functions|debugger_functions)$')
FREE = {
    'malice': MALICE,                                   # words of malice
    'words': r'^words\.|^text\.(addresses|long_runs|base64_runs)$',
    'overlay': r'^overlay\.',
    'imports': r'^imports\.(?!none|few|density|ansi|wide|kernel32_only)|^library\.|^symbol\.',
    'resources': r'^(resources|version|manifest)\.',
    'sections': r'^section\.(executable|writable|usual|unusual|without_data|without_name|same_name|count)$|^header\.sections$',
    'size': r'^file\.size$',
    # What harmless programs say of themselves, in a manifest or a notice: added by copying a resource.
    'identity': r'^words\.(xml|invoker|copyright|source_files|sys)$',
    'manifest': r'^words\.(xml|invoker)$',
    'directories': r'^directory\.(import|resource|import_addresses)$',
    'libraries': r'^library\.|^imports\.libraries$',
}
# Of macros: more of it never makes a document more benign. All of it can be added, and hardly taken away.
FREE['macros'] = (r'^(signs|places)\.|^start\.(?!share)|^literals\.(?!share|digits|entropy|count|replaces)|^names\.(random|mixed|longest)|'
                  r'^code\.(numeric|arithmetic|numbers)')
EVERYTHING_FREE = ('words', 'overlay', 'imports', 'resources', 'sections', 'size')

# name -> changes: parameters of LightGBM, or trees, cap, free (constraints), drop (measures left out), programs (weight of benign programs)
VARIANTS = {
    'base': {},
    'trees-100': {'trees': 100},
    'trees-400': {'trees': 400},
    'slow-400': {'trees': 400, 'learning_rate': .04},
    'leaves-7': {'num_leaves': 7, 'trees': 400},
    'leaves-31': {'num_leaves': 31},
    'bins-63': {'max_bin': 63},
    'features-.1': {'feature_fraction': .1},
    'data-20': {'min_data_in_leaf': 20},
    'cap-40': {'cap': 40},
    'cap-none': {'cap': 10 ** 9},
    'unbalanced': {'balance': False},
    'programs-2': {'programs': 2.0},
    'programs-3': {'programs': 3.0},
    'noisy-.5': {'noisy': .5},
    'noisy-0': {'noisy': 0.0},
    'padded-0': {'padded': 0.0},
    'padded-.05': {'padded': .05},
    'padded-.5': {'padded': .5},
    'wide': {'num_leaves': 31, 'balance': False},
    'wide-noisy-.5': {'num_leaves': 31, 'balance': False, 'noisy': .5},
    'wide-slow': {'num_leaves': 31, 'trees': 400, 'learning_rate': .05, 'balance': False, 'noisy': .5},
    'mono-malice': {'free': ('malice',)},
    'mono-words': {'free': ('words',)},
    'mono-overlay': {'free': ('overlay',)},
    'mono-imports': {'free': ('imports',)},
    'mono-resources': {'free': ('resources',)},
    'mono-sections': {'free': ('sections',)},
    'mono-malice-overlay': {'free': ('malice', 'overlay')},
    'mono-words-overlay': {'free': ('words', 'overlay')},
    'mono-free': {'free': EVERYTHING_FREE},
    'mono-free-intermediate': {'free': EVERYTHING_FREE, 'monotone_constraints_method': 'intermediate'},
    'mono-free-31': {'free': EVERYTHING_FREE, 'num_leaves': 31},
    'mono-free-400': {'free': EVERYTHING_FREE, 'trees': 400},
    'mono-free-31-400': {'free': EVERYTHING_FREE, 'num_leaves': 31, 'trees': 400},
    'mono-free-dd': {'free': EVERYTHING_FREE + ('directories',)},
    'mono-free-dd-31': {'free': EVERYTHING_FREE + ('directories',), 'num_leaves': 31},
    'mono-cheap': {'free': ('malice', 'overlay', 'sections', 'size')},
    'mono-text': {'free': ('words', 'overlay', 'sections', 'size')},
    'mono-libraries': {'free': ('words', 'overlay', 'libraries', 'resources', 'sections', 'size', 'directories')},
    'drop-strings': {'drop': r'^text\.|^file\.'},
    'mono-free-drop-strings': {'free': EVERYTHING_FREE, 'drop': r'^text\.|^file\.'},
}
VARIANTS['wide-cheap'] = VARIANTS['wide-slow'] | VARIANTS['mono-cheap']
VARIANTS['wide-resources'] = VARIANTS['wide-slow'] | {'free': ('malice', 'overlay', 'sections', 'size', 'resources', 'directories')}
for more in ('manifest', 'identity'):
    VARIANTS[f'wide-{more}'] = VARIANTS['wide-resources'] | {'free': VARIANTS['wide-resources']['free'] + (more,)}
# Of documents with macros there are few: small trees that learn slowly, and what was published as a document weighs more.
# More of what can be added makes none more benign.
OFFICE = {'num_leaves': 6, 'trees': 700, 'learning_rate': .03, 'feature_fraction': .3, 'bagging_fraction': .6, 'min_data_in_leaf': 8, 'lambda_l2': 10.0, 'cap': 30,
          'programs': 4.0, 'free': ('macros',)}
FREE_SHARES = r'^code\.(comments|prose|automation|line_mean)|^start\.share'
for name, more in (('office', {}), ('office-free', {'free': ()}), ('office-padded-0', {'padded': 0.0}), ('office-padded-.5', {'padded': .5}), ('office-signs', {'drop': r'^(code|names|literals|places|start)\.'}),
                   ('office-no-places', {'drop': r'^(places|start)\.'}), ('office-no-shares', {'drop': FREE_SHARES}), ('office-telling', {'drop': r'^(places|start)\.(module_)?signs$'}),
                   ('office-leaves-4', {'num_leaves': 4}), ('office-leaves-10', {'num_leaves': 10}), ('office-programs-1', {'programs': 1.0}), ('office-cap-12', {'cap': 12}),
                   ('office-quick', {'trees': 400, 'learning_rate': .05, 'bagging_fraction': .8})):
    VARIANTS[name] = OFFICE | more
# Of PE; of ELF the smaller trees rank as well.
VARIANTS['final'] = VARIANTS['wide-resources']
VARIANTS['final-elf'] = VARIANTS['mono-cheap']


def settings(variant):
    """(parameters of LightGBM, other choices) of a variant."""
    changes = dict(VARIANTS[variant])
    other = {k: changes.pop(k, d) for k, d in (('trees', TREES), ('cap', CAP), ('free', ()), ('drop', None), ('balance', True), ('programs', 1.0), ('noisy', 1.0), ('padded', .2))}
    return PARAMETERS | changes, other


def capped(table, keep, cap):
    """At most `cap` files of a benign group, in order of sha256 (which is as good as a draw)."""
    seen, out = {}, keep.copy()
    for i in np.flatnonzero(keep & ~table.y):
        key = table.unit[i] if not table.packed[i] else table.group[i]
        seen[key] = seen.get(key, 0) + 1
        out[i] = seen[key] <= cap
    return out


def weights(table, rows, other, copies):
    """Both labels weigh the same: the margin's prior is one half."""
    w = np.ones(len(rows))
    y = table.y[rows]
    w[~y & table.program[rows] & ~table.packed[rows]] = other['programs']
    w[table.noisy[rows]] = max(other['noisy'], 1e-6)
    w = np.concatenate([w, np.full(copies, other['padded'])])
    y = np.concatenate([y, np.ones(copies, bool)])
    if other['balance']:
        w[y] *= len(y) / 2 / w[y].sum()
        w[~y] *= len(y) / 2 / w[~y].sum()
    return w


def drop(X, table, other):
    """The measures without those that the variant leaves out (as if they were 0)."""
    if other['drop']:
        X = X.copy()
        X[:, [i for i, n in enumerate(table.names) if re.search(other['drop'], n)]] = 0
    return X


def fit(table, keep, variant):
    parameters, other = settings(variant)
    if other['noisy'] == 0:
        keep = keep & ~table.noisy
    rows = np.flatnonzero(capped(table, keep, other['cap']))
    parameters = dict(parameters)
    if other['free']:
        patterns = [re.compile(FREE[f]) for f in other['free']]
        parameters['monotone_constraints'] = [int(any(p.search(n) for p in patterns)) for n in table.names]
    X = drop(table.X, table, other)
    X, y, copies = X[rows], table.y[rows].astype(float), 0
    if table.padded and other['padded'] > 0:
        trained = np.zeros(len(table.y), bool)
        trained[rows] = True
        more = trained[table.padded[1]]
        copies = int(more.sum())
        X, y = np.concatenate([X, drop(table.padded[0][more], table, other)]), np.concatenate([y, np.ones(copies)])
    data = lightgbm.Dataset(X, y, weight=weights(table, rows, other, copies), params=parameters, free_raw_data=True)
    return lightgbm.train(parameters, data, other['trees']), {'rows': len(rows), 'malicious': int(table.y[rows].sum()), 'padded': copies}


def part(text, n):
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], 'big') % n


class Folds:
    """One malicious collection and an eighth of the benign groups are held out at a time. Every file is judged by one model."""

    def __init__(self, table, full=True):
        units, count = np.unique(table.unit[table.y], return_counts=True)
        large = [u for u, n in sorted(zip(units, count), key=lambda x: (-x[1], x[0])) if n >= 20]
        self.collections = large + (['the rest'] if len(large) < len(units) else [])
        of = {u: i for i, u in enumerate(large)}
        side = np.array([of.get(u, len(large)) for u in table.unit])
        units, count = np.unique(table.unit[~table.y], return_counts=True)
        load, fold = [0] * c.FOLDS, {}
        for u, n in sorted(zip(units, count), key=lambda x: (-min(x[1], CAP), x[0])):
            fold[u] = min(range(c.FOLDS), key=lambda f: (load[f], f))
            load[fold[u]] += min(n, CAP)
        n = len(self.collections)
        if full:
            self.pairs = [(f, m) for f in range(c.FOLDS) for m in range(n)]
        else:
            self.pairs = [(i % c.FOLDS, i % n) for i in range(max(c.FOLDS, n))]
        self.key = np.array([side[i] if table.y[i] else fold[table.unit[i]] for i in range(len(table.y))])
        self.judge = np.empty(len(table.y), int)
        for i in range(len(table.y)):
            able = [k for k, (f, m) in enumerate(self.pairs) if (m if table.y[i] else f) == self.key[i]]
            self.judge[i] = able[part(str(table.unit[i]) + (table.sha[i] if table.y[i] else ''), len(able))]

    def margins(self, table, variant, attacked=()):
        """The margin of every file by the model that never saw its kin; and of padded copies by the model of their original."""
        out = np.full(len(table.y), np.nan)
        self.attacked = np.full(len(attacked), np.nan)
        for k, (f, m) in enumerate(self.pairs):
            held = np.where(table.y, self.key == m, self.key == f)
            mine = self.judge == k
            if mine.any():
                booster, _ = fit(table, ~held, variant)
                out[mine] = booster.predict(table.X[mine], raw_score=True)
                copies = [i for i, a in enumerate(attacked) if mine[a[1]]]
                if copies:
                    self.attacked[copies] = booster.predict(np.stack([attacked[i][2] for i in copies]), raw_score=True)
        assert not np.isnan(out).any()
        return out


# ---------------------------------------------------------------- join and calibration

def fit_join(family, y, margin, total):
    """log-odds = intercept + model * margin + indicators * sum, both factors at least 0, both labels weighing the same. The
    sum is bent first as the family's is; the bend of the log-odds comes after the fit."""
    bends = BENDS.get(family, {})
    w = np.where(y, .5 / y.sum(), .5 / (~y).sum())
    sign = np.where(y, 1.0, -1.0)
    A = np.stack([np.ones(len(y)), margin, c.bent(bends.get('bend_sum'), total)], 1)

    def loss(b):
        z = sign * (A @ b)
        g = -w * sign * c.sigmoid(-z)
        return float((w * np.logaddexp(0, -z)).sum()), A.T @ g

    b = minimize(loss, np.array([0, .7, .3]), jac=True, method='L-BFGS-B', bounds=[(None, None), (0, None), (0, None)], options={'maxiter': 500, 'ftol': 1e-12, 'gtol': 1e-9}).x
    return {k: float(f'{v:.4g}') for k, v in zip(('intercept', 'model', 'indicators'), b)} | bends


# How a join becomes verdicts, by family, chosen from the out-of-fold tables that this script prints. prior: the share of malware
# that p is told for (the join is fitted at one half). alone: malicious by the model alone from here up, where at least 97 %
# of what it accuses is malware in a stream with 15 % of it. malicious: by both together
# from here up, where honest documents begin to be fewer than 1 %. benign, benign_sum: benign at most at this p and this sum of the
# indicators, where at most 1 % of what is called benign is malware in such a stream. floor, ceiling: what the corpus can
# support. signs: alone only what shows a sign beside its structure: a model that saw too few odd but honest programs takes
# the oddity for malice.
POLICY = {
    'pe': {'prior': .5, 'floor': .004, 'ceiling': .998, 'alone': .975, 'signs': False, 'benign': .36, 'benign_sum': 2.5},
    'office': {'prior': .5, 'floor': .01, 'ceiling': .995, 'malicious': .985, 'alone': .99, 'signs': True, 'benign': .2, 'benign_sum': 1.8},
    'elf': {'prior': .5, 'floor': .003, 'ceiling': .999, 'alone': .99, 'signs': True, 'benign': .2, 'benign_sum': 1.5},
}

# Where a join goes on less steeply. bend_sum: signs of PE programs are correlated (who starts programs writes the registry,
# too), so that a sum of 8 says hardly more than one of 4. bend_odds: p is fitted for as many malicious as benign files, and
# most streams have fewer: so much caution at the upper end that what is said at .97 is right in 97 of 100 where 15 % are malware.
BENDS = {'pe': {'bend_sum': {'from': 4.0, 'factor': .15}, 'bend_odds': {'from': 1.5, 'factor': .7}}}


def shipped(family, join):
    """The join of the file: at the family's prior, with the bounds of its verdicts."""
    policy = dict(POLICY[family])
    prior = policy.pop('prior')
    shift = float(np.log(prior / (1 - prior)))
    return join | {'intercept': round(join['intercept'] + shift, 4)} | policy


def cross_joined(table, margin, total=None):
    """Probabilities by a join that was fitted without the file's own group (of the bootstrap), in eight parts."""
    total = table.sum if total is None else total
    clean = ~table.noisy
    p = np.empty(len(table.y))
    key = np.array([part('join ' + u, c.FOLDS) for u in table.sample])
    for k in range(c.FOLDS):
        mine = key == k
        if mine.any():
            p[mine] = c.joined(fit_join(table.family, table.y[~mine & clean], margin[~mine & clean], total[~mine & clean]), margin[mine], total[mine])
    return p


# ---------------------------------------------------------------- what is reported

def left_out(table, folds, margin, join, variant):
    """Each benign source without its files in training: its false positives at the 1 % threshold of the other sources."""
    p = c.joined(join, margin, table.sum)
    out = []
    for source in sorted(set(table.source[~table.y])):
        mine = (table.source == source) & ~table.y
        if mine.sum() < 5:
            continue
        # packages that another source holds too are left out with it, so that the source is unknown indeed
        held = mine | (~table.y & np.isin(table.unit, table.unit[mine]))
        booster, _ = fit(table, ~held, variant)
        q = c.joined(join, booster.predict(table.X[mine], raw_score=True), table.sum[mine])
        rest = ~held
        threshold = c.Judged(table.y[rest], p[rest]).threshold()
        for name, some in ((source, np.ones(len(q), bool)), (source + ', packed', table.packed[mine]), (source + ', not packed', ~table.packed[mine]), (source + ', programs', table.program[mine])):
            if some.sum() >= 5 and (name == source or some.sum() < len(q)):
                out.append({'source': name, 'files': int(some.sum()), 'groups': len(set(table.unit[mine][some])), 'false_at_1': float((q[some] >= threshold).mean()),
                            'false_at_.9': float((q[some] >= .9).mean()), 'false_at_.97': float((q[some] >= .97).mean()), 'benign_at_.1': float((q[some] <= .1).mean())})
    return out


def collections(table, p):
    """Each malicious collection, judged by models that never saw it, at the threshold of 1 % of all benign files."""
    threshold = c.Judged(table.y, p).threshold()
    out = []
    for source in sorted(set(table.source[table.y])):
        mine = (table.source == source) & table.y
        both = mine | ~table.y
        out.append({'source': source, 'files': int(mine.sum()), 'auc': c.Judged(table.y[both], p[both]).figures()['auc'], 'true_at_1': float((p[mine] >= threshold).mean()),
                    'true_at_.9': float((p[mine] >= .9).mean()), 'true_at_.97': float((p[mine] >= .97).mean()), 'malware_to_.1': float((p[mine] <= .1).mean())})
    return out


def ends(table, p, rounds):
    """What the data says of the ends of the scale: balanced share of malware in p >= t and p <= t, with the 95 % interval by group."""
    out = []
    tests = [(f'p >= {t}', p >= t) for t in (.9, .95, .97, .98, .99, .995, .998)] + [(f'p <= {t}', p <= t) for t in (.1, .05, .03, .02, .01, .005, .002)]
    draws = [[] for _ in tests]
    for w in c.Bootstrap(table.y, table.sample, rounds).weights():
        b = np.where(table.y, w / (w * table.y).sum(), w / (w * ~table.y).sum())
        for d, (_, some) in zip(draws, tests):
            d.append((b * table.y)[some].sum() / max(b[some].sum(), 1e-12))
    for d, (name, some) in zip(draws, tests):
        b = np.where(table.y, 1 / table.y.sum(), 1 / (~table.y).sum())
        out.append({'bin': name, 'malicious': int((some & table.y).sum()), 'benign': int((some & ~table.y).sum()),
                    'share': float((b * table.y)[some].sum() / max(b[some].sum(), 1e-12)), 'interval': c.interval(d)})
    return out


def clip(table, p):
    """Floor and ceiling: the share of malware (balanced) in the outermost 20 % of a label's files, half a file more against it."""
    out = {}
    for name, side, other, order in (('ceiling', table.y, ~table.y, -p), ('floor', ~table.y, table.y, p)):
        n = int(side.sum() * .2)
        edge = np.sort(order[side])[n]
        inside = order <= edge
        wrong = (inside & other).sum() + .5
        share = wrong / other.sum() / (wrong / other.sum() + (inside & side).sum() / side.sum())
        out[name] = float(1 - share if name == 'ceiling' else share)
        out[name + '_from'] = f'{int((inside & side).sum())} right, {int((inside & other).sum())} wrong beyond p {abs(edge):.4f}'
    return out


def benign_calls(table, p, prior):
    """Benign is called when p <= band, the indicators' sum without negative terms <= bound and the file was looked at whole.
    Of all pairs that leave at most 1 % malware among these calls, at this prior, the one that calls most benign files so."""
    whole = ~table.incomplete
    y, n = table.y, ~table.y
    bands = [.01, .02, .03, .05, .07, .1, .15, .2, .3, .4, .5]
    bounds = sorted({round(float(v) * 4) / 4 for v in np.quantile(table.loud, np.linspace(0, 1, 81))})
    best, rows = None, []
    for band in bands:
        for bound in bounds:
            call = whole & (p <= band) & (table.loud <= bound)
            m, b = (call & y).sum() / y.sum(), (call & n).sum() / n.sum()
            share = prior * m / max(prior * m + (1 - prior) * b, 1e-12)
            if share <= .01:
                row = {'band': band, 'bound': bound, 'benign_called_benign': float(b), 'malware_called_benign': float(m), 'malware_share': float(share),
                       'programs': float((call & n & table.program).sum() / max((n & table.program).sum(), 1)),
                       'ordinary': float((call & n & table.ordinary).sum() / max((n & table.ordinary).sum(), 1)),
                       'ordinary_programs': float((call & n & table.ordinary & table.program).sum() / max((n & table.program & table.ordinary).sum(), 1))}
                rows.append(row)
                if best is None or (row['benign_called_benign'], -bound) > (best['benign_called_benign'], -best['bound']):
                    best = row
    by_band = {}
    for r in rows:
        k = r['band']
        if k not in by_band or r['bound'] > by_band[k]['bound']:
            by_band[k] = r
    for k, wide in by_band.items():   # the tightest bound that costs at most 1 % of the band's benign calls
        wide['snug_bound'] = min(r['bound'] for r in rows if r['band'] == k and r['benign_called_benign'] >= .99 * wide['benign_called_benign'])
    return {'prior': prior, 'best': best, 'widest_bound_by_band': list(by_band.values())}


def model_alone_p(table, margin):
    """The model's own probability, without indicators."""
    return cross_joined(table, margin, np.zeros(len(margin)))


def model_alone(table, p):
    """At which p of its own may the model accuse alone."""
    f = c.Judged(table.y, p).figures()
    out = {'auc': f['auc'], 'tpr_at_1': f['tpr_at_1'], 'brier': f['brier'], 'ece': f['ece']}
    for t in (.9, .95, .97, .98, .99):
        r, w = (p >= t)[table.y].mean(), (p >= t)[~table.y].mean()
        out[str(t)] = {'recall': float(r), 'false': float(w), 'precision': float(c.LIVE_PRIOR * r / max(c.LIVE_PRIOR * r + (1 - c.LIVE_PRIOR) * w, 1e-12)), 'benign_files': int((p >= t)[~table.y].sum())}
    return out


def called_benign(family, join, margin, total, loud):
    """Whether these files would be called benign, if they were looked at whole."""
    policy = POLICY[family]
    return (np.maximum(c.joined(join, margin, np.zeros_like(margin)), c.joined(join, margin, loud)) <= policy['benign']) & (loud <= policy['benign_sum'])


def padding(table, attacked, margins, margin, join):
    """Of malware that is not called benign: how much of it each attack moves to benign."""
    before = called_benign(table.family, join, margin, table.sum, table.loud)
    p = c.joined(join, margin, table.sum)
    by = {}
    for (name, i, _, total, loud), m in zip(attacked, margins):
        by.setdefault(name, []).append((i, m, total, loud))
    out = []
    for name, rows in by.items():
        i = np.array([r[0] for r in rows])
        m, total, loud = (np.array([r[k] for r in rows], dtype=float) for k in (1, 2, 3))
        q, after = c.joined(join, m, total), called_benign(table.family, join, m, total, loud)
        out.append({'attack': name, 'files': len(i), 'moved': float((~before[i] & after).sum() / len(i)), 'benign_before': float(before[i].mean()),
                    'benign_after': float(after.mean()), 'accused_before': float((p[i] >= .9).mean()), 'accused_after': float((q >= .9).mean()),
                    'median_margin_change': float(np.median(m - margin[i]))})
    return out


def report(table, folds, margin, p, join, variant, rounds, leave=True):
    out = {'populations': {}}
    for name, some in c.populations(table):
        out['populations'][name] = c.with_intervals(table.y[some], p[some], table.sample[some], rounds)
    if leave:
        out['benign_sources_left_out'] = left_out(table, folds, margin, join, variant)
    out['collections_left_out'] = collections(table, p)
    q = model_alone_p(table, margin)
    clean = ~table.noisy
    table, p, q = table.take(clean), p[clean], q[clean]
    out['ends'] = ends(table, p, rounds)
    out['clip'] = clip(table, p)
    out['benign_calls'] = [benign_calls(table, p, prior) for prior in (c.LIVE_PRIOR, .5)]
    out['model_alone'] = model_alone(table, q)
    return out


def print_report(family, r, out=sys.stdout):
    print(f'\n## {family}: out of fold', file=out)
    print(c.text_table(*c.figure_rows(r['populations'])), file=out)
    for key, head in (('benign_sources_left_out', ('source', 'files', 'groups', 'false_at_1', 'false_at_.9', 'false_at_.97', 'benign_at_.1')),
                      ('collections_left_out', ('source', 'files', 'auc', 'true_at_1', 'true_at_.9', 'true_at_.97', 'malware_to_.1')),
                      ('padding', ('attack', 'files', 'moved', 'benign_before', 'benign_after', 'accused_before', 'accused_after', 'median_margin_change')),
                      ('ends', ('bin', 'malicious', 'benign', 'share', 'interval'))):
        if key in r:
            print(f'\n{key}', file=out)
            print(c.text_table(head, [[x[h] if h != 'interval' else '[{:.4f},{:.4f}]'.format(*x[h]) for h in head] for x in r[key]]), file=out)
    print('\nclip', json.dumps(c.rounded(r['clip'])), file=out)
    print('model alone', json.dumps(c.rounded(r['model_alone'], 3)), file=out)
    for b in r['benign_calls']:
        print(f'\nbenign calls with at most 1 % malware at a prior of {b["prior"]}; best: {json.dumps(c.rounded(b["best"], 3))}', file=out)
        head = ('band', 'bound', 'snug_bound', 'benign_called_benign', 'ordinary', 'programs', 'ordinary_programs', 'malware_called_benign', 'malware_share')
        print(c.text_table(head, [[x[h] for h in head] for x in b['widest_bound_by_band']]), file=out)


def page_parts(table, r, p, engine):
    curves = [(n, table.y[s], p[s]) for n, s in c.populations(table)[:3] if table.y[s].any() and (~table.y[s]).any()]
    if engine and not np.isnan(table.engine).any():
        curves.append(('engine, all', table.y, table.engine))
    parts = [f'<h2>{table.family}</h2>', c.chart_reliability(table.family, table.y, p), c.chart_roc(table.family, curves), c.chart_histogram(table.family, table.y, p)]
    parts.append(c.html_table(*c.figure_rows(r['populations'])))
    for key in ('benign_sources_left_out', 'collections_left_out', 'ends'):
        if r.get(key):
            head = list(r[key][0])
            parts.append(f'<h3>{key.replace("_", " ")}</h3>' + c.html_table(head, [[('[%.4f, %.4f]' % tuple(x[h])) if h == 'interval' else x[h] for h in head] for x in r[key]]))
    return parts


def study(table, names, full, rounds, attacked=()):
    """Compares variants out of fold: the difference to the first with its interval by group."""
    folds = Folds(table, full)
    attacked = c.read_attacked(attacked, table) if attacked else ()
    moved = []
    base, rows = None, []
    for name in names:
        start = time.time()
        margin = folds.margins(table, name, attacked)
        p = cross_joined(table, margin)
        clean = ~table.noisy
        f = c.Judged(table.y[clean], p[clean]).figures()
        prog = table.program & clean
        g = c.Judged(table.y[prog], p[prog]).figures()
        if attacked:
            fitted = fit_join(table.family, table.y[clean], margin[clean], table.sum[clean])
            moved.append([name] + [f"{r['attack']} {100 * r['moved']:.1f}%" for r in padding(table, attacked, folds.attacked, margin, fitted)])
        alone = c.Judged(table.y[clean], c.sigmoid(margin[clean])).figures()
        row = [name, alone['auc'], f['auc'], f['tpr_at_1'], f['brier'], f['log_loss'], f['malware_to_.1'], f['benign_to_.1'], g['auc'], g['tpr_at_1'], g['brier']]
        if base is None:
            base = p
            row.append('')
        else:
            d = c.compare(table.y[clean], base[clean], p[clean], table.sample[clean], rounds)['auc']
            row.append('{:+.4f} [{:+.4f},{:+.4f}]'.format(*d[2:]))
        row.append(f'{time.time() - start:.0f}s')
        rows.append(row)
        print('.', end='', flush=True)
    for m in moved:
        print(*m)
    print(f'\n## {table.family}: variants')
    print(c.text_table(['variant', 'AUC alone', 'AUC', 'TPR@1%', 'Brier', 'logloss', 'mal<=.1', 'ben<=.1', 'prog AUC', 'prog TPR', 'prog Brier', 'dAUC', 'time'], rows))


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--lines', nargs='+', required=True)
    a.add_argument('--manifest', nargs='+', required=True)
    a.add_argument('--programs', help='sha256,program of the packed goodware')
    a.add_argument('--family', nargs='+', default=['pe', 'elf'], choices=list(c.PREFIX))
    a.add_argument('--variant', default='final', choices=VARIANTS)
    a.add_argument('--study', nargs='*')
    a.add_argument('--fast', action='store_true', help='not every pair of benign fold and collection: an eighth of the time, coarser figures')
    a.add_argument('--rounds', type=int, default=1000, help='draws of the bootstrap')
    a.add_argument('--quick', action='store_true', help='do not leave out each benign source')
    a.add_argument('--out')
    a.add_argument('--scores', help='directory for out-of-fold scores, FAMILY.scores.csv')
    a.add_argument('--padded', nargs='+', help='lines of padded copies that train, at a weight of their own')
    a.add_argument('--attacked', nargs='+', help='lines of padded copies, made with another donor, that only test')
    a.add_argument('--page')
    a.add_argument('--json', help='file for all figures')
    o = a.parse_args()
    tables = c.read_tables(o.lines, c.read_manifests(o.manifest), c.read_programs(o.programs), o.family)
    parts, everything = [], {}
    for family, table in tables.items():
        print(f'{family}: {len(table.y)} files, {int(table.y.sum())} malicious, {len(table.names)} measures, {int(table.program.sum())} programs, skipped {table.skipped}', flush=True)
        if o.padded:
            table.padded = c.padded_copies(o.padded, table)
            print(f'{family}: {len(table.padded[1]) if table.padded else 0} padded copies train')
        if o.study is not None:
            study(table, o.study or [v for v in VARIANTS if v != 'final'], not o.fast, min(o.rounds, 300), o.attacked)
            continue
        folds = Folds(table, not o.fast)
        attacked = c.read_attacked(o.attacked, table) if o.attacked else ()
        margin = folds.margins(table, o.variant, attacked)
        clean = ~table.noisy
        join = fit_join(table.family, table.y[clean], margin[clean], table.sum[clean])
        p = cross_joined(table, margin)
        r = report(table, folds, margin, p, join, o.variant, o.rounds, not o.quick)
        if attacked:
            r['padding'] = padding(table, attacked, folds.attacked, margin, join)
        print_report(family, r)
        booster, trained = fit(table, np.ones(len(table.y), bool), o.variant)
        parameters, other = settings(o.variant)
        figures = {n: {'benign': v['benign'], 'malicious': v['malicious'], **{k: c.rounded(x, 4) for k, x in v['figures'].items()}} for n, v in r['populations'].items() if v}
        made = {**trained, 'evidence': c.evidence_hash(table), 'lightgbm': lightgbm.__version__,
                'parameters': parameters | {'trees': other['trees'], 'cap': other['cap'], 'benign_programs_weigh': other['programs'], 'monotone': list(other['free']), 'padded_copies_weigh': other['padded'], 'prior': .5},
                'figures': figures, 'clip': {k: c.rounded(v, 4) for k, v in r['clip'].items() if not k.endswith('_from')}}
        made['prior'] = POLICY[family]['prior']
        text = c.model_text(family, table.version, made, table.names, shipped(family, join), c.trees_of(booster))
        model = c.Model(text)
        worst = np.abs(model.margins(model.columns(table)) - booster.predict(drop(table.X, table, other), raw_score=True)).max()
        assert worst < 1e-4, f'the exported trees differ from LightGBM by {worst}'
        print(f'\n{family}: join {join}; {len(text)} bytes, {len(model.names)} measures used, differs from LightGBM by {worst:.2g} at most; sha256 {hashlib.sha256(text.encode()).hexdigest()}')
        if o.out:
            with open(f'{o.out}/{family}.model.json', 'w') as file:
                file.write(text)
        if o.scores:
            os.makedirs(o.scores, exist_ok=True)
            with open(f'{o.scores}/{family}.scores.csv', 'w', newline='') as file:
                w = csv.writer(file, lineterminator='\n')
                w.writerow(('sha256', 'p', 'margin', 'sum', 'sum_without_calm'))
                for i in range(len(table.y)):
                    w.writerow((table.sha[i], f'{p[i]:.6g}', f'{margin[i]:.6g}', f'{table.sum[i]:.6g}', f'{table.loud[i]:.6g}'))
        everything[family] = r | {'join': join}
        parts += page_parts(table, r, p, True)
    if o.page and parts:
        with open(o.page, 'w') as file:
            file.write(c.page('stakeout: the model out of fold', parts))
    if o.json and everything:
        with open(o.json, 'w') as file:
            json.dump(c.rounded(everything), file, indent=1)


if __name__ == '__main__':
    main()
