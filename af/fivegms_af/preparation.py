"""The rules of Content Preparation Templates: any media type is kept, ours is understood.

Pure. TS 26.512 7.4 leaves the format to the media type; a template is kept byte for byte.
"""

import hashlib
from datetime import datetime

from fivegms_af.bodies import Json, parse_json, validate
from fivegms_af.errors import MediaTypeUnsupported, MembersRefused, TemplateInUse
from fivegms_af.provisioned import Session, Template
from fivegms_api.media_type import essence, is_media_type
from fivegms_api.model_preparation import MODEL_PREPARATION_MEDIA_TYPE, ModelPreparation
from fivegms_api.problem_details import InvalidParam


def accept_template(
    template_id: str, content_type: str | None, body: bytes, now: datetime
) -> Template:
    """What to keep beside the body.

    Raises MediaTypeUnsupported without a media type; BodyMalformed and MembersRefused for a model
    preparation that is none.
    """
    if content_type is None or not is_media_type(content_type):
        raise MediaTypeUnsupported(content_type, "the template's own media type")
    manifest = None
    if essence(content_type) == MODEL_PREPARATION_MEDIA_TYPE:
        manifest = validate(ModelPreparation, parse_json(body)).manifest
    digest = hashlib.sha256(body).hexdigest()
    return Template(template_id, content_type, digest, manifest, now)


def read_for_patch(template: Template, body: bytes) -> Json:
    """The template as a JSON value; raises MediaTypeUnsupported where it is not JSON."""
    media_type = essence(template.content_type)
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise MediaTypeUnsupported(template.content_type, "PUT: only JSON templates are patched")
    return parse_json(body)


def check_place(session: Session, template: Template) -> None:
    """Whether a new or changed template may stand in the session; raises MembersRefused.

    Two that write the same manifest would take it from one another, and one in use keeps the
    manifest that UEs enter at.
    """
    for other in session.templates:
        if other.id == template.id:
            _check_replacement(session, other, template)
        elif template.manifest is not None and other.manifest == template.manifest:
            reason = f"{template.manifest!r} is what Content Preparation Template {other.id} writes"
            raise MembersRefused(InvalidParam(param="/manifest", reason=reason))


def _check_replacement(session: Session, current: Template, replacement: Template) -> None:
    if is_in_use(session, current.id) and replacement.manifest != current.manifest:
        reason = (
            f"must stay {current.manifest!r}: the Content Hosting Configuration enters there; "
            "change that first"
        )
        raise MembersRefused(InvalidParam(param="/manifest", reason=reason))


def check_removal(session: Session, template_id: str) -> None:
    """Raises TemplateUnknown, or TemplateInUse while a distribution refers to it."""
    session.template(template_id)
    if is_in_use(session, template_id):
        raise TemplateInUse(template_id)


def is_in_use(session: Session, template_id: str) -> bool:
    """Whether a distribution of the session refers to the template."""
    if session.hosting is None:
        return False
    distributions = session.hosting.configuration.distribution_configurations
    return any(one.content_preparation_template_id == template_id for one in distributions)
