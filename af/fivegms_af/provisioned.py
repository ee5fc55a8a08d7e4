"""What a provider has provisioned, as the AF keeps it: one session and all that lies below.

A session is the unit of consistency. Whatever changes below it changes its `version`, so that two
requests which each saw only half of a change cannot both succeed.
"""

from dataclasses import dataclass
from datetime import datetime

from fivegms_af.conditional import Representation
from fivegms_af.errors import TemplateUnknown
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.content_hosting import ContentHostingConfiguration
from fivegms_api.provisioning_sessions import ProvisioningSession

JSON_MEDIA_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Hosting:
    """A Content Hosting Configuration as the provider gave it, without what the AF assigns."""

    configuration: ContentHostingConfiguration
    modified: datetime


@dataclass(frozen=True, slots=True)
class Template:
    """What is known of a Content Preparation Template without its body.

    `content_type` is the provider's header; `sha256` the hex digest of the body; `manifest` the
    path that a model preparation writes its MPD to, None for templates of other media types.
    """

    id: str
    content_type: str
    sha256: str
    manifest: str | None
    modified: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A Provisioning Session; `modified` is when it was made, or something below came or went."""

    id: str
    type: ProvisioningSessionType
    app_id: str
    asp_id: str | None
    modified: datetime
    version: int
    hosting: Hosting | None = None
    templates: tuple[Template, ...] = ()

    def template(self, template_id: str) -> Template:
        """The template of that identifier; raises TemplateUnknown."""
        for template in self.templates:
            if template.id == template_id:
                return template
        raise TemplateUnknown(template_id)

    def representation(self) -> Representation:
        """The resource as M1 shows it (TS 26.512 7.2.3.1)."""
        resource = ProvisioningSession(
            provisioning_session_id=self.id,
            provisioning_session_type=self.type,
            app_id=self.app_id,
            asp_id=self.asp_id,
            content_preparation_template_ids=tuple(one.id for one in self.templates) or None,
        )
        return Representation(resource.to_json(), JSON_MEDIA_TYPE, self.modified)
