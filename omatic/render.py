# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything that is generated comes from templates/ through this module. An undefined name is an error."""

from functools import cache

import jinja2

from omatic import dirs


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(dirs.resource("templates")),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **values: object) -> str:
    """Return a template filled in."""
    return _environment().get_template(template).render(**values)
