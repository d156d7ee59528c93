"""Who carries each channel, from the settings."""

from channels.registry import ChannelSettings
from channels.sandbox_plan import SandboxSettings
from channels.smtp import SmtpSettings
from channels.twilio import TwilioSettings
from config.routes import routes_of
from config.settings import Settings
from domain.errors import BadSettings
from storage.crypto import KeyRing


def channel_settings(settings: Settings, ring: KeyRing) -> ChannelSettings:
    """The settings of all channels. Raises BadSettings where a key file cannot be read."""
    return ChannelSettings(
        live=settings.live,
        rehearsal=settings.rehearsal,
        providers={
            channel: tuple(route.provider for route in routes) for channel, routes in routes_of(settings).items()
        },
        sandbox=SandboxSettings(seed=settings.sandbox_seed, latency=settings.sandbox_latency_ms / 1000),
        twilio=TwilioSettings(
            settings.twilio_account_sid,
            settings.twilio_auth_token.get_secret_value(),
            settings.twilio_sms_from,
            settings.twilio_voice_from,
            settings.twilio_base_url,
        ),
        smtp=SmtpSettings(
            settings.smtp_host,
            settings.email_from,
            port=settings.smtp_port,
            tls=settings.smtp_tls,
            ca=settings.smtp_ca,
            username=settings.smtp_username,
            password=settings.smtp_password.get_secret_value(),
            connections=settings.smtp_connections,
            bounces=settings.email_bounces,
            dkim_domain=settings.dkim_domain,
            dkim_selector=settings.dkim_selector,
            dkim_key=_dkim_key(settings),
            callback_secret=callback_secret(settings, ring),
        ),
    )


def callback_secret(settings: Settings, ring: KeyRing) -> bytes:
    """What signs links and the callbacks of providers that sign nothing: the setting, else a secret of the ring."""
    return settings.webhook_secret.get_secret_value().encode() or ring.derive("links")


def _dkim_key(settings: Settings) -> bytes:
    if settings.dkim_key_file is None:
        return b""
    try:
        return settings.dkim_key_file.read_bytes()
    except OSError as error:
        raise BadSettings(
            f"the DKIM key cannot be read: {error.strerror}.",
            where="FORBEAR_DKIM_KEY_FILE",
            remedy="Name a PEM file that this account may read.",
        ) from None
