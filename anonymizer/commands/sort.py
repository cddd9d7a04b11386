"""`anonymizer sort`: what planning systems sent to the DICOM receiver goes into patients' folders."""

from __future__ import annotations

from anonymizer.arguments import ShareArgument
from anonymizer.staying import share_of, stop_of_signals
from receiver.mailbox import Mailbox
from receiver.sort import Sorter
from services.errors import SettingsWrong
from services.runtime import logs
from services.runtime.settings import Settings


def sort(share: ShareArgument = None) -> None:
    """Stay, and put what the DICOM receiver was sent into the folders of its patients."""
    settings = Settings.of_process()
    logs.configure(settings.log_format, settings.log_level)
    place = share_of(share, settings.share, "sort")
    if settings.receiver_url is None or settings.receiver_password is None or not settings.senders:
        raise SettingsWrong(
            "Set ANONYMIZER_RECEIVER_URL, ANONYMIZER_RECEIVER_PASSWORD and ANONYMIZER_SENDERS: where the receiver is, "
            "its password, and whose objects go where."
        )
    mailbox = Mailbox(settings.receiver_url, settings.receiver_password)
    Sorter(mailbox, place, settings.senders, health=settings.health).run(stop_of_signals())
