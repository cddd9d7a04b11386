"""`anonymizer sort`: sorts objects from the DICOM receiver into patients' folders."""

from __future__ import annotations

from anonymizer.arguments import ShareArgument
from anonymizer.staying import settings_of_service, share_of, stop_of_signals
from receiver.mailbox import Mailbox
from receiver.sort import Sorter
from services.errors import SettingsWrong


def sort(share: ShareArgument = None) -> None:
    """Run as a service and sort received DICOM objects into patients' folders."""
    settings = settings_of_service()
    place = share_of(share, settings.share, "sort")
    if settings.receiver_url is None or settings.receiver_password is None or not settings.senders:
        raise SettingsWrong(
            "Set ANONYMIZER_RECEIVER_URL, ANONYMIZER_RECEIVER_PASSWORD and ANONYMIZER_SENDERS: the receiver's address, "
            "its password, and the folder of each sender."
        )
    mailbox = Mailbox(settings.receiver_url, settings.receiver_password)
    Sorter(mailbox, place, settings.senders, health=settings.health).run(stop_of_signals())
