"""openapi.py - whether an answer is what the console's openapi.json says.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

As much of JSON Schema as that file uses; an unknown keyword is an error.
"""
import json
import os
import re

from . import fake

FILE = os.path.join(fake.ROOT, 'console', 'openapi.json')
TYPES = {'object': dict, 'array': list, 'string': str, 'boolean': bool,
         'integer': int, 'null': type(None)}
IGNORED = {'description', 'format', 'contentEncoding', 'default', 'minItems',
           'maxItems', 'minimum', 'maximum'}

with open(FILE, encoding='utf-8') as _f:
    DOC = json.load(_f)


class Mismatch(Exception):
    """Where, and what."""


def resolve(node):
    while '$ref' in node:
        at = DOC
        for part in node['$ref'][2:].split('/'):
            at = at[part]
        node = at
    return node


def _is(value, name):
    if name == 'integer' and isinstance(value, bool):
        return False
    return isinstance(value, TYPES[name])


def check(value, schema, where='body'):
    """Raises Mismatch unless the value is of the schema."""
    schema = resolve(schema)
    for word, arg in schema.items():
        if word in IGNORED or word in ('required', 'additionalProperties'):
            continue
        if word == 'type':
            names = arg if isinstance(arg, list) else [arg]
            if not any(_is(value, n) for n in names):
                raise Mismatch('%s is no %s' % (where, arg))
        elif word == 'enum':
            if value not in arg:
                raise Mismatch('%s: %r' % (where, value))
        elif word == 'const':
            if value != arg:
                raise Mismatch('%s: %r' % (where, value))
        elif word == 'pattern':
            if isinstance(value, str) and not re.search(arg, value):
                raise Mismatch('%s: %r' % (where, value))
        elif word == 'items':
            for i, v in enumerate(value):
                check(v, arg, '%s[%d]' % (where, i))
        elif word == 'properties':
            if isinstance(value, dict):
                _check_object(value, schema, where)
        elif word == 'oneOf':
            _check_one(value, arg, where)
        else:
            raise Mismatch('keyword ' + word)
    extra = schema.get('additionalProperties')
    if isinstance(extra, dict):
        for k, v in value.items():
            check(v, extra, where + '.' + k)


def _check_object(value, schema, where):
    known = schema['properties']
    for name in schema.get('required', ()):
        if name not in value:
            raise Mismatch('%s.%s is missing' % (where, name))
    for name, v in value.items():
        if name in known:
            check(v, known[name], where + '.' + name)
        elif schema.get('additionalProperties') is False:
            raise Mismatch('%s.%s is not described' % (where, name))


def _check_one(value, schemas, where):
    good, why = 0, []
    for s in schemas:
        try:
            check(value, s, where)
            good += 1
        except Mismatch as e:
            why.append(str(e))
    if good != 1:
        raise Mismatch('%s fits %d: %s' % (where, good, why))


def find(path):
    """The template and its item for a path without query; None."""
    best = None
    for template, item in DOC['paths'].items():
        # {tile} is the rest of the path.
        pattern = '^' + re.sub(r'\{\w+\}', '[^/]+', template.replace(
            '{tile}', '.+')) + '$'
        if re.match(pattern, path) and (best is None or
                                        '{' not in template):
            best = template, item
    return best


def check_answer(method, path, status, type_, data):
    """Raises Mismatch unless the file says that this may be answered."""
    path = path.split('?')[0]
    found = find(path)
    if found is None:
        if status != 404:
            raise Mismatch('%s is not described' % path)
        described = resolve({'$ref': '#/components/responses/P404'})
    elif method.lower() not in found[1]:
        if status != 405:
            raise Mismatch('%s %s is not described' % (method, path))
        described = resolve({'$ref': '#/components/responses/P405'})
    else:
        responses = found[1][method.lower()]['responses']
        if str(status) not in responses:
            raise Mismatch('%s %s: %d is not described' % (
                method, found[0], status))
        described = resolve(responses[str(status)])
    content = described['content']
    type_ = type_.split(';')[0]
    if type_ not in content:
        raise Mismatch('%s %s: %s is not described' % (method, path, type_))
    schema = content[type_].get('schema')
    if schema is not None and type_.endswith('json'):
        check(json.loads(data), schema)
    if type_ == 'application/problem+json':
        doc = json.loads(data)
        if doc['status'] != status or not doc['detail'] or \
                not doc['type'].endswith(':' + doc['reason']):
            raise Mismatch('problem %r' % doc)
